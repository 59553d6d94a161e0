/** What went wrong, in words: the error bodies of all five surfaces read into one value, with what to do about it. */

export interface FaultParts {
  message: string;
  /** What one can do, as a sentence; empty where there is nothing. */
  advice?: string;
  /** The reply's status; 0 where there was no reply. */
  status?: number;
  /** The surface's own word for the kind of error, where it has one. */
  code?: string;
  details?: Record<string, unknown>;
  /** Seconds until trying again makes sense. */
  retryAfter?: number | undefined;
  requestId?: string | undefined;
}

export class Fault extends Error {
  readonly advice: string;
  readonly status: number;
  readonly code: string;
  readonly details: Record<string, unknown>;
  readonly retryAfter: number | undefined;
  readonly requestId: string | undefined;

  constructor(parts: FaultParts) {
    super(parts.message);
    this.name = "Fault";
    this.advice = parts.advice ?? "";
    this.status = parts.status ?? 0;
    this.code = parts.code ?? "";
    this.details = parts.details ?? {};
    this.retryAfter = parts.retryAfter;
    this.requestId = parts.requestId;
  }

  /** Whether another key would help. */
  get wantsKey(): boolean {
    return this.status === 401 || this.status === 403;
  }
}

/** The fault behind a reply that is no success. */
export async function faultOf(response: Response): Promise<Fault> {
  const { message, code, details } = said(await bodyOf(response));
  const waits = Number(response.headers.get("Retry-After"));
  const retryAfter = Number.isFinite(waits) && waits > 0 ? Math.ceil(waits) : undefined;
  return new Fault({
    message: message || `The server answered with status ${response.status}.`,
    advice: advice(response.status, details, retryAfter),
    status: response.status,
    code,
    details,
    retryAfter,
    requestId: response.headers.get("X-Request-ID") ?? undefined,
  });
}

/** The fault where the server gave no reply at all. */
export function unreachable(): Fault {
  return new Fault({
    message: "The server cannot be reached.",
    advice: "It may be restarting: the studio keeps looking for it and goes on when it is back.",
    code: "UNREACHABLE",
  });
}

/** Anything that was thrown, as a fault. */
export function asFault(error: unknown): Fault {
  if (error instanceof Fault) return error;
  const message = error instanceof Error && error.message ? error.message : "Something went wrong in this page.";
  return new Fault({ message, advice: "Try again; reload the page if it stays.", code: "PAGE" });
}

interface Said {
  message: string;
  code: string;
  details: Record<string, unknown>;
}

/** A: {message, error_code, details}. B: {message, error, details}. C, D: {detail}. E: {detail: {code, message, details}}. */
function said(body: unknown): Said {
  if (!isRecord(body)) return { message: "", code: "", details: {} };
  if (typeof body.detail === "string") return { message: body.detail, code: "", details: {} };
  const inner = isRecord(body.detail) ? body.detail : body;
  return {
    message: text(inner.message),
    code: text(inner.error_code) || text(inner.code) || text(inner.error),
    details: isRecord(inner.details) ? inner.details : {},
  };
}

function advice(status: number, details: Record<string, unknown>, retryAfter: number | undefined): string {
  const command = text(details.command);
  if (command) return `Run “${command}” on the server, or get it on the Models page.`;
  switch (status) {
    case 401:
      return "This server asks for a key. Enter it to go on.";
    case 403:
      return "The key does not open this. Enter another one.";
    case 404:
      return "It may have been deleted meanwhile.";
    case 409:
      return "Something else was quicker, or it is not ready yet. Look again and retry.";
    case 413:
      return "Choose a smaller file.";
    case 429:
      return `Too many requests in a short time: try again in ${seconds(retryAfter ?? 60)}.`;
    case 502:
      return "A service on the network did its part wrong. Try again later, or use another model.";
    case 503:
      return retryAfter ? `Try again in ${seconds(retryAfter)}.` : "It is not ready on this server.";
    case 400:
    case 422:
      return "Change what was asked for and try again.";
    default:
      return status >= 500 ? "The server’s log knows more under the number of the request." : "";
  }
}

function seconds(count: number): string {
  if (count < 90) return `${count} second${count === 1 ? "" : "s"}`;
  return `${Math.ceil(count / 60)} minutes`;
}

async function bodyOf(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch {
    // A proxy in between answers in HTML; its words are about itself.
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
