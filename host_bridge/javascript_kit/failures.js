/** What can go wrong, each as one sentence that a panel shows as it is. */

const FAILED = "retouch.v1.Failed";
const BLOCKED = "retouch.v1.Blocked";
const RETRY = "google.rpc.RetryInfo";
/** Connect codes after which the same call may succeed. */
const RETRYABLE = ["unavailable", "resource_exhausted", "aborted", "deadline_exceeded"];
/** As Connect maps HTTP statuses where the body says nothing. */
const CODES = {
  400: "internal", 401: "unauthenticated", 403: "permission_denied", 404: "unimplemented",
  429: "unavailable", 502: "unavailable", 503: "unavailable", 504: "unavailable",
};

/** Something went wrong; `message` says what and what to do. */
export class RetouchError extends Error {
  constructor(message) {
    super(message);
    this.name = this.constructor.name;
  }
}

/** No daemon answers. */
export class NotRunning extends RetouchError {}

/** The connection broke, and did not come back in time. */
export class Lost extends RetouchError {}

/** The job was cancelled; `reason` is "asked", "replaced" or "disconnected". */
export class Cancelled extends RetouchError {
  constructor(message, reason = "asked") {
    super(message);
    this.reason = reason;
  }
}

/** The gate refused: `stage`, `category`, `advice`, `fieldPath`, `clause`. */
export class Blocked extends RetouchError {
  constructor(stage, category, advice, fieldPath = "", clause = "") {
    const what = category + (clause ? ` in "${clause}"` : "");
    super(`Blocked by the ${stage} check (${what}). ${advice}`.trim());
    Object.assign(this, { stage, category, advice, fieldPath, clause });
  }
}

/**
 * The request, the model or the daemon is at fault.
 *
 * `code` is "invalid_field", "model_missing" ... (of calls without details, and of a wrong token,
 * Connect's code); `status` is Connect's code of the call, empty for a job's event; `retrySeconds`
 * is null where the daemon has not said when to come back.
 */
export class Failed extends RetouchError {
  constructor(message, more = {}) {
    super(message);
    const { code = "", fieldPath = "", fix = "", retryable = false, retrySeconds = null } = more;
    Object.assign(this, { code, fieldPath, fix, retryable, retrySeconds, status: "" });
  }
}

/** Return the error that a job's event stands for: blocked, failed or cancelled; else null. */
export function errorOfEvent(event) {
  if (event.blocked) return blockedOf(event.blocked);
  if (event.failed) return failedOf(event.failed);
  if (event.cancelled) {
    const reason = event.cancelled.reason ?? "asked";
    return new Cancelled(`The edit was cancelled (${reason}).`, reason);
  }
  return null;
}

/**
 * Return the error that a Connect error stands for.
 *
 * @param {object} error {code, message, details}; what is missing is taken from the status.
 * @param {number} status of HTTP; 0 = of a WebSocket.
 */
export function errorOfAnswer(error, status = 0) {
  const code = error.code || CODES[status] || "unknown";
  const words = error.message || `The daemon answered with HTTP status ${status}.`;
  const details = {};
  for (const each of error.details ?? []) {
    if (each.debug) details[String(each.type).split("/").pop()] = each.debug;
  }
  if (details[BLOCKED]) return blockedOf(details[BLOCKED]);
  const found = failureOf(code, words, details);
  found.status = code;
  return found;
}

function failureOf(code, words, details) {
  if (code === "unauthenticated") {
    const fix = "restart this program, or pair it again";
    return new Failed(`The daemon does not know this token. Fix: ${fix}.`, { code, fix });
  }
  const delay = parseFloat(details[RETRY]?.retryDelay ?? "");
  const retrySeconds = Number.isNaN(delay) ? null : delay;
  if (details[FAILED]) return failedOf(details[FAILED], words, retrySeconds);
  return new Failed(words, { code, retryable: RETRYABLE.includes(code), retrySeconds });
}

function blockedOf(sent) {
  const stage = (sent.stage ?? "").replace("GATE_STAGE_", "").toLowerCase().replaceAll("_", "-");
  const { category = "", advice = "", fieldPath = "", clause = "" } = sent;
  return new Blocked(stage, category, advice, fieldPath, clause);
}

function failedOf(sent, words = "", retrySeconds = null) {
  const { fix = "", fieldPath = "", retryable = false } = sent;
  let message = sent.message || words || "The edit failed.";
  if (fix && !message.includes(fix)) message = `${message.replace(/\.$/, "")}. Fix: ${fix}.`;
  const code = (sent.code ?? "").replace("ERROR_CODE_", "").toLowerCase();
  return new Failed(message, { code, fieldPath, fix, retryable, retrySeconds });
}
