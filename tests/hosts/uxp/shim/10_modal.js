// One plugin at a time: executeAsModal, history suspended and resumed.

const modal = {
  isOpen: false,
  /** Whether another program's dialog is open: a test says so. */
  isTaken: false,
  /** Whether the person presses Cancel in the next one. */
  isCancelled: false,
  /** {name, ms} of each. */
  log: [],
  suspended: null,
};

/** Refuse what is only allowed in a modal. */
function inModalOnly(what) {
  if (!modal.isOpen) refuse(`${what} outside of executeAsModal`);
}

function busy() {
  const problem = new Error("host is in a modal state");
  problem.number = 9;
  return problem;
}

async function executeAsModal(act, options) {
  if (typeof act !== "function") refuse("executeAsModal: no function");
  if (!options?.commandName) refuse("executeAsModal: commandName is missing");
  known("executeAsModal", options, ["commandName", "descriptor", "interactive", "timeOut"]);
  await null;
  if (modal.isOpen || modal.isTaken) throw busy();
  const began = clock.now();
  modal.isOpen = true;
  const context = {
    isCancelled: modal.isCancelled,
    onCancel: undefined,
    reportProgress: () => {},
    hostControl: { suspendHistory, resumeHistory, registerAutoCloseDocument: async () => {} },
  };
  modal.isCancelled = false;
  try {
    return await act(context, options.descriptor);
  } catch (problem) {
    if (modal.suspended) rollBack();
    throw problem;
  } finally {
    modal.isOpen = false;
    modal.log.push({ name: options.commandName, ms: clock.now() - began });
    if (modal.suspended) {
      rollBack();
      refuse("executeAsModal: history was suspended and not resumed");
    }
  }
}

async function suspendHistory({ documentID, name }) {
  inModalOnly("suspendHistory");
  if (modal.suspended) refuse("suspendHistory: it is suspended already");
  if (!name) refuse("suspendHistory: name is missing");
  const document = documentOf(documentID);
  modal.suspended = { historySuspensionID: Math.random(), document, name, before: document.state };
  return { historySuspensionID: modal.suspended.historySuspensionID };
}

async function resumeHistory(suspension, commit = true) {
  inModalOnly("resumeHistory");
  const own = modal.suspended;
  if (!own || suspension.historySuspensionID !== own.historySuspensionID) {
    refuse("resumeHistory: another suspension");
  }
  if (!commit) return rollBack();
  modal.suspended = null;
  own.document.remember(suspension.finalName ?? own.name);
}

function rollBack() {
  const { document, before } = modal.suspended;
  document.state = before;
  modal.suspended = null;
}
