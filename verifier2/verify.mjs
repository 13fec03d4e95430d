#!/usr/bin/env node
// Checks a record exported by Vigil, with Node alone (20 or newer): nothing is installed, nothing of Vigil is used.
//
//     node verify.mjs FILE [--head HEAD]... [--key KEY]... [--json]
//
// Exit code 0: accepted. 1: rejected, and the first bad row is named. 2: this program could not do its work.
//
// Written from docs/reference/record-export.md, without looking at the verifier in Python; the two share nothing.
// In: the bytes of a file. Out: a verdict. The record is read once, line by line, so it may be larger than memory.

import * as crypto from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import { pathToFileURL } from "node:url";

const LINE_BYTES_MAX = 16_777_216;
const DEPTH_MAX = 100;
const DIGITS_MAX = 4300;
const NO_HASH = "0".repeat(64);
const CHUNK_BYTES = 1 << 20;

/** A rule that the line breaks. */
class Broken extends Error {}

/** A file that this program must not judge. */
export class Unusable extends Error {}

function demand(holds, reason) {
  if (!holds) throw new Broken(reason);
}

// --- canonical JSON -------------------------------------------------------------------------------
// Node's JSON.parse keeps the last of two equal keys, rounds large numbers and takes spaces, and sort() compares
// UTF-16 units. So the text is read by a parser of its own that accepts the canonical form and nothing else:
// what it accepts need not be written again to be compared. Whole numbers become BigInt.

const PLAIN = /[^"\\\u0000-\u001f]*/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)/y;
const SHORT_ESCAPES = { '"': '"', "\\": "\\", n: "\n", r: "\r", t: "\t", b: "\b", f: "\f" };
// Characters below U+0020 that have no short escape, by the four digits that stand for them.
const LONG_ESCAPES = new Map();
for (let code = 0; code < 0x20; code += 1) {
  if (!"\n\r\t\b\f".includes(String.fromCharCode(code))) {
    LONG_ESCAPES.set(code.toString(16).padStart(4, "0"), String.fromCharCode(code));
  }
}

/** Negative, zero or positive: `one` before, equal to, after `other` by code point. */
export function compareByCodePoint(one, other) {
  const length = Math.min(one.length, other.length);
  for (let place = 0; place < length; place += 1) {
    const a = one.charCodeAt(place);
    const b = other.charCodeAt(place);
    if (a !== b) {
      // A surrogate stands for a character above all that have one unit; otherwise units compare as they are.
      const isHighA = a >= 0xd800 && a <= 0xdfff;
      const isHighB = b >= 0xd800 && b <= 0xdfff;
      return isHighA === isHighB ? a - b : isHighA ? 1 : -1;
    }
  }
  return one.length - other.length;
}

class Reader {
  constructor(text) {
    this.text = text;
    this.at = 0;
  }

  whole() {
    const value = this.value(0);
    demand(this.at === this.text.length, "there is more after its end");
    return value;
  }

  value(depth) {
    const first = this.text[this.at];
    if (first === '"') return this.string();
    if (first === "{") return this.object(depth + 1);
    if (first === "[") return this.list(depth + 1);
    if (first === "t") return this.word("true", true);
    if (first === "f") return this.word("false", false);
    if (first === "n") return this.word("null", null);
    return this.number();
  }

  word(word, value) {
    demand(this.text.startsWith(word, this.at), "it is not in canonical form");
    this.at += word.length;
    return value;
  }

  number() {
    NUMBER.lastIndex = this.at;
    const found = NUMBER.exec(this.text);
    demand(found !== null && found[0] !== "-0", "it is not in canonical form");
    const [digits] = found;
    // What may follow a number shows at the next step: `1.5` or `01` leave something that is no comma.
    this.at += digits.length;
    demand(digits.replace("-", "").length <= DIGITS_MAX, "a number has too many digits");
    return BigInt(digits);
  }

  string() {
    const { text } = this;
    let read = "";
    this.at += 1;
    for (;;) {
      PLAIN.lastIndex = this.at;
      const [plain] = PLAIN.exec(text);
      this.at += plain.length;
      const stop = text[this.at];
      if (stop === '"') {
        this.at += 1;
        return read + plain;
      }
      demand(stop === "\\", "a text is not in canonical form");
      const letter = text[this.at + 1];
      if (letter === "u") {
        const meant = LONG_ESCAPES.get(text.slice(this.at + 2, this.at + 6));
        demand(meant !== undefined, "a text is not in canonical form");
        read += plain + meant;
        this.at += 6;
      } else {
        demand(letter !== undefined && Object.hasOwn(SHORT_ESCAPES, letter), "a text is not in canonical form");
        read += plain + SHORT_ESCAPES[letter];
        this.at += 2;
      }
    }
  }

  list(depth) {
    demand(depth <= DEPTH_MAX, `it is nested deeper than ${DEPTH_MAX} levels`);
    const found = [];
    this.at += 1;
    if (this.text[this.at] === "]") {
      this.at += 1;
      return found;
    }
    for (;;) {
      found.push(this.value(depth));
      const next = this.text[this.at];
      this.at += 1;
      if (next === "]") return found;
      demand(next === ",", "it is not in canonical form");
    }
  }

  object(depth) {
    demand(depth <= DEPTH_MAX, `it is nested deeper than ${DEPTH_MAX} levels`);
    // A Map, not an object: a key may be called __proto__.
    const found = new Map();
    let last = null;
    this.at += 1;
    if (this.text[this.at] === "}") {
      this.at += 1;
      return found;
    }
    for (;;) {
      demand(this.text[this.at] === '"', "it is not in canonical form");
      const key = this.string();
      demand(last === null || compareByCodePoint(last, key) < 0, "keys are not in order, or one stands twice");
      last = key;
      demand(this.text[this.at] === ":", "it is not in canonical form");
      this.at += 1;
      found.set(key, this.value(depth));
      const next = this.text[this.at];
      this.at += 1;
      if (next === "}") return found;
      demand(next === ",", "it is not in canonical form");
    }
  }
}

/** The value of a text in canonical form; anything else is refused. */
export function readCanonical(text) {
  return new Reader(text).whole();
}

const NEEDS_ESCAPE = /["\\\u0000-\u001f]/g;
const ESCAPES = new Map(Object.entries(SHORT_ESCAPES).map(([letter, meant]) => [meant, `\\${letter}`]));

/** What was read, as canonical JSON; the keys of a Map must stand in order, as they do after reading. */
function written(value) {
  if (Array.isArray(value)) return `[${value.map(written).join(",")}]`;
  if (value instanceof Map) {
    return `{${[...value].map(([key, item]) => `${written(key)}:${written(item)}`).join(",")}}`;
  }
  if (typeof value !== "string") return String(value);
  const escape = (found) => ESCAPES.get(found) ?? `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return `"${value.replace(NEEDS_ESCAPE, escape)}"`;
}

// --- fields ---------------------------------------------------------------------------------------

const KINDS = {
  text: (value) => typeof value === "string",
  whole: (value) => typeof value === "bigint",
  list: Array.isArray,
  object: (value) => value instanceof Map,
};

const HEADER = {
  clinic_id: "text", exported_at: "text", format: "text", header_sha256: "text", registers: "list", version: "whole",
};
const KEY = { key_id: "text", made_at: "text", public_key: "text" };
const ROW = { entry: "text", hash: "text", previous_hash: "text", register: "text", seq: "whole" };
const ENTRY = {
  at: "text", body: "text", by: "text", clinic_id: "text", entry_id: "text", kind: "text", recorded_at: "text",
  register: "text", subject: "text",
};
const SIGNED = {
  hash: "text", key_id: "text", register: "text", seq: "whole", signature: "text", signed_at: "text",
};
const MOVEMENT = { account: "text", ug: "whole" };
const TRAILER = { count: "whole", heads: "object", sha256: "text" };

function demandFields(value, fields, what) {
  demand(value instanceof Map, `${what} is not an object`);
  let found = 0;
  for (const name in fields) {
    demand(value.has(name), `${what} lacks the field ${name}`);
    demand(KINDS[fields[name]](value.get(name)), `${what} has a wrong ${name}`);
    found += 1;
  }
  demand(value.size === found, `${what} has a field too many`);
}

function isHex(text, digits) {
  return text.length === digits && /^[0-9a-f]*$/.test(text);
}

// Node 20.12 brought a function that hashes at one go, twice as fast for short texts.
const sha256 = crypto.hash
  ? (content) => crypto.hash("sha256", content, "hex")
  : (content) => crypto.createHash("sha256").update(content).digest("hex");

// --- keys and heads from outside ------------------------------------------------------------------

const UNUSABLE_KEYS = new Set([
  0n,
  1n,
  2n ** 255n - 20n,
  0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n,
  0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n,
]);
// What stands before the 32 bytes of an Ed25519 public key in the form that Node reads (RFC 8410).
const KEY_PREFIX = Buffer.from("302a300506032b6570032100", "hex");

function publicKey(hex) {
  const raw = Buffer.from(hex, "hex");
  const number = BigInt(`0x${Buffer.from(raw).reverse().toString("hex")}`) & (2n ** 255n - 1n);
  demand(number < 2n ** 255n - 19n && !UNUSABLE_KEYS.has(number), "a public key cannot be used");
  return crypto.createPublicKey({ key: Buffer.concat([KEY_PREFIX, raw]), format: "der", type: "spki" });
}

const CONSONANTS = "bdfghjklmnprstvz";
const VOWELS = "aiou";

/** The first 128 bits of a hash as eight words. */
export function wordsOf(hash) {
  const words = [];
  for (let place = 0; place < 32; place += 4) {
    const bits = Number.parseInt(hash.slice(place, place + 4), 16);
    words.push(
      CONSONANTS[bits >> 12] + VOWELS[(bits >> 10) & 3] + CONSONANTS[(bits >> 6) & 15] +
      VOWELS[(bits >> 4) & 3] + CONSONANTS[bits & 15],
    );
  }
  return words.join(" ");
}

function hashOfWords(words) {
  const digits = words.map((word) => {
    const found = /^([bdfghjklmnprstvz])([aiou])([bdfghjklmnprstvz])([aiou])([bdfghjklmnprstvz])$/.exec(word);
    if (found === null) return null;
    const [, a, b, c, d, e] = found;
    const bits =
      (CONSONANTS.indexOf(a) << 12) | (VOWELS.indexOf(b) << 10) | (CONSONANTS.indexOf(c) << 6) |
      (VOWELS.indexOf(d) << 4) | CONSONANTS.indexOf(e);
    return bits.toString(16).padStart(4, "0");
  });
  return words.length === 8 && !digits.includes(null) ? digits.join("") : null;
}

/** A head as a person gives it: `start` is the whole hash or, from words, its first half; null when it is none. */
export function headFrom(text) {
  const parts = text.trim().toLowerCase().split(":");
  const last = parts.pop();
  const joined = last.replace(/\s+/g, "");
  const start = isHex(joined, 64) ? joined : hashOfWords(last.trim().split(/[\s-]+/));
  const place = parts.map((part) => part.trim());
  if (start === null || ![0, 2, 3].includes(place.length)) return null;
  if (place.length && !/^[0-9]{1,18}$/.test(place.at(-1))) return null;
  return {
    text: text.trim(),
    start,
    clinic: place.length === 3 ? place[0] : null,
    register: place.length ? place.at(-2) : null,
    seq: place.length ? BigInt(place.at(-1)) : null,
    isFound: false,
  };
}

// --- the record -----------------------------------------------------------------------------------

/** Takes the lines in turn and remembers what later ones are judged by. */
class Record {
  constructor(heads, keys) {
    this.outside = heads;
    this.outsideKeys = new Set(keys);
    this.placed = new Map();
    this.unplaced = new Map();
    for (const head of heads) {
      const [where, key] =
        head.register === null ? [this.unplaced, head.start.slice(0, 32)] : [this.placed, `${head.seq}:${head.register}`];
      if (!where.has(key)) where.set(key, []);
      where.get(key).push(head);
    }
    this.digest = crypto.createHash("sha256");
    this.rows = 0n;
    this.signatures = 0n;
    this.entryIds = new Set();
    this.accounts = new Map();
    this.keys = new Map();
    this.registers = new Map();
    this.current = null;
  }

  header(text) {
    const header = readCanonical(text);
    demand(header instanceof Map && header.get("format") === "vigil-record", "the format is not vigil-record");
    const rest = new Map(header);
    rest.delete("header_sha256");
    demand(sha256(written(rest)) === header.get("header_sha256"), "the header does not match its own hash");
    const version = header.get("version");
    if (typeof version === "bigint" && version !== 1n && version !== 2n) {
      throw new Unusable(`format version ${version}; this program knows 1 and 2`);
    }
    this.version = version;
    demandFields(header, version === 2n ? { ...HEADER, keys: "list" } : HEADER, "the header");
    this.clinic = header.get("clinic_id");
    let last = null;
    for (const name of header.get("registers")) {
      demand(typeof name === "string", "a register is not a text");
      demand(last === null || compareByCodePoint(last, name) < 0, "the registers are not in order");
      this.registers.set(name, {
        name, written: written(name), place: this.registers.size, seq: 0n, hash: NO_HASH, signed: 0n,
      });
      last = name;
    }
    this.readKeys(header.get("keys") ?? []);
    for (const head of this.outside) {
      demand(head.clinic === null || head.clinic === this.clinic, `the head ${head.text} is of another clinic`);
    }
  }

  readKeys(keys) {
    let last = "";
    for (const key of keys) {
      demandFields(key, KEY, "a key");
      const id = key.get("key_id");
      const hex = key.get("public_key");
      demand(isHex(hex, 64), "a public key is not 64 hexadecimal digits");
      demand(id === sha256(Buffer.from(hex, "hex")).slice(0, 16), "a key does not have the id of its public key");
      demand(compareByCodePoint(last, id) < 0, "the keys are not in order");
      demand(!this.outsideKeys.size || this.outsideKeys.has(hex), `the key ${hex} is not one of those given`);
      this.keys.set(id, { hex, key: publicKey(hex) });
      last = id;
    }
  }

  line(text) {
    if (this.version === 2n && text.startsWith('{"hash":')) this.signedHead(readCanonical(text));
    else this.row(text);
  }

  row(text) {
    const expected = this.expectedRow(text);
    const { register, seq, entry, hash } = expected ?? this.otherRow(readCanonical(text));
    this.entry(readCanonical(entry), register.name);
    this.compare(register.name, seq, hash);
    register.seq = seq;
    register.hash = hash;
    this.current = register;
    this.lastSigned = null;
    this.rows += 1n;
  }

  /** The row when it is the next of the same register, as nearly all are: only its entry has to be read. */
  expectedRow(text) {
    const register = this.current;
    if (register === null || !text.startsWith('{"entry":"')) return null;
    const reader = new Reader(text);
    reader.at = 9;
    const entry = reader.string();
    const seq = register.seq + 1n;
    const hash = sha256(`${register.hash}\n${seq}\n${entry}`);
    const rest = `,"hash":"${hash}","previous_hash":"${register.hash}","register":${register.written},"seq":${seq}}`;
    return text.length === reader.at + rest.length && text.endsWith(rest) ? { register, seq, entry, hash } : null;
  }

  otherRow(row) {
    demandFields(row, ROW, "the row");
    const register = this.registers.get(row.get("register"));
    demand(register !== undefined, "the register is not in the header");
    demand(this.current === null || register.place >= this.current.place, "the row stands after a later register");
    const seq = row.get("seq");
    demand(seq === register.seq + 1n, `the sequence number is ${seq}; expected ${register.seq + 1n}`);
    demand(row.get("previous_hash") === register.hash, "the row is not linked to the row before it");
    const entry = row.get("entry");
    const hash = sha256(`${register.hash}\n${seq}\n${entry}`);
    demand(hash === row.get("hash"), "the entry does not match its hash");
    return { register, seq, entry, hash };
  }

  compare(name, seq, hash) {
    if (!this.outside.length) return;
    for (const head of this.placed.get(`${seq}:${name}`) ?? []) {
      demand(hash.startsWith(head.start), "the row is not the one whose head was written down outside");
      head.isFound = true;
    }
    for (const head of this.unplaced.get(hash.slice(0, 32)) ?? []) {
      if (hash.startsWith(head.start)) head.isFound = true;
    }
  }

  entry(entry, register) {
    demandFields(entry, ENTRY, "the entry");
    demand(entry.get("register") === register, "the entry belongs to another register");
    demand(entry.get("clinic_id") === this.clinic, "the entry belongs to another clinic");
    const id = entry.get("entry_id");
    demand(!this.entryIds.has(id), "the entry stands in the record twice");
    this.entryIds.add(id);
    const body = readCanonical(entry.get("body"));
    if (entry.get("kind").startsWith("custody.") && body instanceof Map && body.has("movements")) {
      this.move(body.get("movements"));
    }
  }

  move(movements) {
    demand(Array.isArray(movements), "the movements are not a list");
    let sum = 0n;
    const touched = new Set();
    for (const movement of movements) {
      const known =
        this.version === 2n && movement instanceof Map
          ? new Map([...movement].filter(([name]) => Object.hasOwn(MOVEMENT, name)))
          : movement;
      demandFields(known, MOVEMENT, "a movement");
      const account = known.get("account");
      const ug = known.get("ug");
      sum += ug;
      touched.add(account);
      this.accounts.set(account, (this.accounts.get(account) ?? 0n) + ug);
    }
    demand(sum === 0n, `the movements sum to ${sum} ug, not to zero`);
    touched.delete("supplier");
    for (const account of touched) {
      demand(this.accounts.get(account) >= 0n, `account ${account} falls to ${this.accounts.get(account)} ug`);
    }
  }

  signedHead(head) {
    demandFields(head, SIGNED, "the signed head");
    const { current } = this;
    demand(
      current !== null && head.get("register") === current.name && head.get("seq") === current.seq &&
        head.get("hash") === current.hash,
      "the signed head is not that of the row before it",
    );
    const at = head.get("signed_at");
    const id = head.get("key_id");
    if (this.lastSigned !== null) {
      const order = compareByCodePoint(this.lastSigned.at, at) || compareByCodePoint(this.lastSigned.id, id);
      demand(order < 0, "the signed heads of a row are not in order");
    }
    const signer = this.keys.get(id);
    demand(signer !== undefined, "the key of the signed head is not in the header");
    const signature = head.get("signature");
    demand(isHex(signature, 128), "the signature is not 128 hexadecimal digits");
    const message =
      `{"clinic_id":${written(this.clinic)},"format":"vigil-head","hash":"${current.hash}","key_id":"${id}",` +
      `"register":${written(current.name)},"seq":${current.seq},"signed_at":${written(at)}}`;
    let fits = false;
    try {
      fits = crypto.verify(null, Buffer.from(message), signer.key, Buffer.from(signature, "hex"));
    } catch {
      // A key that is no point of the curve: nothing fits.
    }
    demand(fits, "the signature does not fit");
    this.lastSigned = { at, id };
    current.signed = current.seq;
    this.signatures += 1n;
  }

  trailer(text) {
    const trailer = readCanonical(text);
    demandFields(trailer, this.version === 2n ? { ...TRAILER, signed: "whole" } : TRAILER, "the trailer");
    const heads = trailer.get("heads");
    demand(heads.size === this.registers.size, "the heads are not those of the rows above");
    for (const [name, register] of this.registers) {
      const head = heads.get(name);
      demandFields(head, { hash: "text", seq: "whole" }, "a head");
      demand(
        head.get("hash") === register.hash && head.get("seq") === register.seq,
        "the heads are not those of the rows above: rows are missing or added",
      );
    }
    demand(trailer.get("count") === this.rows, `it counts ${trailer.get("count")} rows; there are ${this.rows}`);
    demand((trailer.get("signed") ?? 0n) === this.signatures, "it does not count the signed heads that there are");
    demand(trailer.get("sha256") === this.digest.digest("hex"), "the hash of the file above it does not match");
    const missing = this.outside.find((head) => !head.isFound);
    demand(
      missing === undefined,
      `the record does not contain the head ${missing?.text}: its end was cut off, or it was made anew`,
    );
    if (this.outsideKeys.size) {
      for (const register of this.registers.values()) {
        demand(register.seq === 0n || register.signed > 0n, `no head of the register ${register.name} is signed`);
      }
    }
  }
}

function decoded(decoder, bytes) {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new Broken("it is not UTF-8");
  }
}

/** Register and sequence number that a bad line claims, as far as it can be read. */
function claimedPlace(bytes) {
  let row = null;
  try {
    row = JSON.parse(bytes.toString());
  } catch {
    return { register: null, seq: null };
  }
  if (row === null || typeof row !== "object") return { register: null, seq: null };
  return {
    register: typeof row.register === "string" ? row.register : null,
    seq: Number.isSafeInteger(row.seq) ? row.seq : null,
  };
}

/** Judges lines (buffers, each with its line feed); returns the answer that `--json` prints. */
export function verifyLines(lines, { heads = [], keys = [] } = {}) {
  const record = new Record(heads.map(headFrom), keys);
  // Fatal: half a character or an overlong form is refused. A byte order mark is a character like others.
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let number = 0;
  let held = null;

  const judge = (bytes, isLast) => {
    number += 1;
    try {
      demand(bytes.length <= LINE_BYTES_MAX, `the line is longer than ${LINE_BYTES_MAX} bytes`);
      demand(bytes[bytes.length - 1] === 0x0a, "the line does not end with a line feed");
      const text = decoded(decoder, bytes.subarray(0, -1));
      if (number === 1) {
        record.header(text);
        demand(!isLast, "the file ends after its header");
      } else if (isLast) {
        record.trailer(text);
      } else {
        record.line(text);
      }
      if (!isLast) record.digest.update(bytes);
      return null;
    } catch (error) {
      if (!(error instanceof Broken)) throw error;
      const place = number > 1 ? claimedPlace(bytes) : { register: null, seq: null };
      return { accepted: false, line: number, reason: error.message, register: place.register, seq: place.seq };
    }
  };

  for (const line of lines) {
    if (held !== null) {
      const bad = judge(held, false);
      if (bad !== null) return bad;
    }
    held = line;
  }
  if (held === null) return { accepted: false, line: 1, reason: "the file is empty", register: null, seq: null };
  const bad = judge(held, true);
  if (bad !== null) return bad;
  const registers = [...record.registers.values()];
  return {
    accepted: true,
    anchored: heads.length > 0,
    count: Number(record.rows),
    heads: Object.fromEntries(registers.map((one) => [one.name, [Number(one.seq), one.hash]])),
    is_key_known: keys.length > 0,
    keys: [...record.keys.values()].map((one) => one.hex),
    signed: Object.fromEntries(registers.map((one) => [one.name, Number(one.signed)])),
    version: Number(record.version),
  };
}

/** The lines of an open file; a line longer than the format allows comes cut, which is enough to refuse it. */
export function* linesOf(descriptor) {
  let rest = Buffer.alloc(0);
  for (;;) {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    const length = readSync(descriptor, chunk, 0, CHUNK_BYTES, null);
    if (length === 0) break;
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(0x0a, start);
      if (end === -1 || end >= length) break;
      const line = chunk.subarray(start, end + 1);
      yield rest.length ? Buffer.concat([rest, line]) : line;
      rest = Buffer.alloc(0);
      start = end + 1;
    }
    if (start < length) rest = Buffer.concat([rest, chunk.subarray(start, length)]);
    if (rest.length > LINE_BYTES_MAX) {
      yield rest;
      return;
    }
  }
  if (rest.length) yield rest;
}

// --- the command ----------------------------------------------------------------------------------

function wordsFromCommand(words) {
  const asked = { file: null, heads: [], keys: [], isJson: false };
  const queue = [...words];
  while (queue.length) {
    const [word, ...rest] = queue.shift().split("=");
    if (word === "--json" && !rest.length) asked.isJson = true;
    else if (word === "--head" || word === "--key") {
      const value = rest.length ? rest.join("=") : queue.shift();
      if (value === undefined) throw new Unusable(`${word} takes a value`);
      if (word === "--head") {
        if (headFrom(value) === null) throw new Unusable("--head takes 64 hexadecimal digits or eight words");
        asked.heads.push(value);
      } else {
        const key = value.replace(/\s+/g, "").toLowerCase();
        if (!isHex(key, 64)) throw new Unusable("--key takes 64 hexadecimal digits");
        asked.keys.push(key);
      }
    } else if (word.startsWith("--") || asked.file !== null) throw new Unusable("it takes one FILE, --head, --key and --json");
    else asked.file = [word, ...rest].join("=");
  }
  if (asked.file === null) throw new Unusable("which FILE?");
  return asked;
}

function tell(answer) {
  const say = (line) => process.stdout.write(`${line}\n`);
  if (!answer.accepted) {
    const place = answer.register === null ? "" : `, register ${answer.register}, seq ${answer.seq}`;
    say(`REJECTED at line ${answer.line}${place}: ${answer.reason}.`);
    return;
  }
  const names = Object.keys(answer.heads);
  say(`ACCEPTED: ${answer.count} entries (${names.map((name) => `${name} ${answer.heads[name][0]}`).join(", ")}).`);
  for (const name of names) {
    const [seq, hash] = answer.heads[name];
    say(`  head of ${name}: ${hash}`);
    if (seq) say(`    in words: ${wordsOf(hash)}`);
    if (seq) say(`    signed up to: ${answer.signed[name] || "nothing is signed"}`);
  }
  for (const key of answer.keys) say(`  public key: ${key}`);
  if (!answer.anchored) say("  No --head was given: a record whose end was cut off would look the same.");
  if (answer.keys.length && !answer.is_key_known) {
    say("  No --key was given: whoever made the file may have made the key too.");
  }
}

function main(words) {
  let descriptor = null;
  try {
    const asked = wordsFromCommand(words);
    descriptor = openSync(asked.file, "r");
    const answer = verifyLines(linesOf(descriptor), asked);
    if (asked.isJson) process.stdout.write(`${JSON.stringify(answer)}\n`);
    else tell(answer);
    return answer.accepted ? 0 : 1;
  } catch (error) {
    if (!(error instanceof Unusable) && error.syscall === undefined) throw error;
    process.stderr.write(`verify: ${error.message}\n`);
    return 2;
  } finally {
    if (descriptor !== null) closeSync(descriptor);
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  process.exitCode = main(process.argv.slice(2));
}
