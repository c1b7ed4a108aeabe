// What the tests use of Node, so that its types need not be installed.

declare module "node:fs" {
  export function readdirSync(path: string): string[];
}

declare module "node:test" {
  export default function test(name: string, run: () => unknown): void;
}

declare module "node:assert/strict" {
  const assert: {
    equal(actual: unknown, expected: unknown, message?: string): void;
    deepEqual(actual: unknown, expected: unknown, message?: string): void;
    rejects(promise: Promise<unknown>, check: (error: Error) => boolean): Promise<void>;
  };
  export default assert;
}

declare module "node:http" {
  interface Incoming {
    method: string;
    url: string;
    headers: Record<string, string>;
    on(event: string, take: (part: string) => void): void;
    setEncoding(name: string): void;
  }
  interface Outgoing {
    writeHead(status: number, headers: Record<string, string>): void;
    end(body: string): void;
  }
  interface Server {
    listen(port: number, host: string, ready: () => void): void;
    address(): { port: number };
    close(): void;
    closeAllConnections(): void;
  }
  export function createServer(take: (request: Incoming, answer: Outgoing) => void): Server;
}
