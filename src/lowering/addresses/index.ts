export type { AddressRow } from './table.js';
export { addressRows, addressText, parseAddressRows, portIntervals, rowsPermit } from './table.js';
