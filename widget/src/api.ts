// Asking the server. A token travels in a header and lives in memory; no cookie, no storage.

/** An answer that is no success. `message` is a sentence for the shopper, in their language. */
export class Failure extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export interface Door {
  /** GET, or POST where there is a body: a Blob as it is, anything else as JSON. Raises Failure. */
  call<T>(path: string, body?: unknown): Promise<T>;
  /** Give up whatever is under way. */
  drop(): void;
}

const PATIENCE = 20_000; // milliseconds

export function openDoor(base: string, tag: string, token: () => string, away: () => string): Door {
  const open = new Set<AbortController>();

  async function call<T>(path: string, body?: unknown): Promise<T> {
    const stop = new AbortController();
    const clock = setTimeout(() => stop.abort("slow"), PATIENCE);
    open.add(stop);
    try {
      const url = `${base}/${path}${path.includes("?") ? "&" : "?"}lang=${tag}`;
      return await read<T>(await fetch(url, request(body, token(), stop.signal)));
    } catch (error) {
      if (error instanceof Failure) throw error;
      if (stop.signal.reason === "dropped") throw new Failure("dropped", "");
      throw new Failure("away", away()); // no connection, no answer in time, or a page of somebody's proxy
    } finally {
      clearTimeout(clock);
      open.delete(stop);
    }
  }

  return { call, drop: () => open.forEach((stop) => stop.abort("dropped")) };
}

function request(body: unknown, token: string, signal: AbortSignal): RequestInit {
  const isFile = body instanceof Blob;
  const headers: Record<string, string> = {};
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body) headers["Content-Type"] = isFile ? body.type : "application/json";
  return {
    method: body ? "POST" : "GET",
    headers,
    body: isFile ? body : body ? encode(body) : undefined,
    signal,
    credentials: "omit",
    referrerPolicy: "no-referrer",
  };
}

async function read<T>(answer: Response): Promise<T> {
  const data = await answer.json();
  if (answer.ok) return data as T;
  throw new Failure(data.error.code, data.error.message);
}

/** JSON.stringify without `toJSON`: old Prototype.js gives arrays one that quotes them twice. */
export function encode(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(encode).join()}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value ?? null);
  const fields = Object.keys(value).map((key) => `${JSON.stringify(key)}:${encode((value as never)[key])}`);
  return `{${fields.join()}}`;
}
