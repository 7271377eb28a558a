/** What is wrong with a line; the reader of the recording says which line it was. */
export class MalformedLine extends Error {}

/** Reads the members of one JSON object, each with the type that the schema gives it. */
export class Fields {
  readonly #values: ReadonlyMap<string, unknown>;

  constructor(value: unknown) {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new MalformedLine('not an object');
    this.#values = new Map(Object.entries(value));
  }

  has(key: string): boolean {
    return (this.#values.get(key) ?? null) !== null;
  }

  text(key: string): string {
    const value = this.#values.get(key);
    if (typeof value !== 'string') throw new MalformedLine(`${key} is no text`);
    return value;
  }

  textOrNone(key: string): string | undefined {
    return this.has(key) ? this.text(key) : undefined;
  }

  integer(key: string): number {
    const value = this.#values.get(key);
    if (typeof value !== 'number' || !Number.isInteger(value))
      throw new MalformedLine(`${key} is no integer`);
    return value;
  }

  integerOrNone(key: string): number | undefined {
    return this.has(key) ? this.integer(key) : undefined;
  }

  /** A number, or from 2^53 on the text of its digits. */
  wideInteger(key: string): bigint {
    const value = this.#values.get(key);
    return typeof value === 'string' && /^-?[0-9]{1,19}$/.test(value)
      ? BigInt(value)
      : BigInt(this.integer(key));
  }

  count(key: string): number {
    const value = this.integer(key);
    if (value < 0 || !Number.isSafeInteger(value)) throw new MalformedLine(`${key} is no count`);
    return value;
  }

  boolean(key: string): boolean {
    const value = this.#values.get(key);
    if (typeof value !== 'boolean') throw new MalformedLine(`${key} is neither true nor false`);
    return value;
  }

  word<T extends string>(key: string, words: readonly T[]): T {
    const value = this.text(key);
    const word = words.find((each) => each === value);
    if (word === undefined) throw new MalformedLine(`${key} is ${value}, not one of ${words.join(', ')}`);
    return word;
  }

  list(key: string): readonly unknown[] {
    const value = this.#values.get(key);
    if (!Array.isArray(value)) throw new MalformedLine(`${key} is no list`);
    return value;
  }

  texts(key: string): readonly string[] {
    return this.list(key).map((each) => {
      if (typeof each !== 'string') throw new MalformedLine(`${key} holds more than texts`);
      return each;
    });
  }

  textsOrNone(key: string): readonly string[] | undefined {
    return this.has(key) ? this.texts(key) : undefined;
  }

  fields(key: string): Fields {
    return new Fields(this.#values.get(key));
  }

  /** The members of an object, each read by its name. */
  entries<T>(key: string, read: (fields: Fields, name: string) => T): ReadonlyMap<string, T> {
    const inner = this.fields(key);
    return new Map([...inner.#values.keys()].map((name) => [name, read(inner, name)]));
  }
}
