export { type AuditReport, auditBundle, type Executable, type Finding, type FindingKind } from './audit.js';
