let taken = false;

function free(): void {
  taken = false;
}

/** Whether this is the first time that it is asked in this turn of the event loop. */
export function isFirstOfTurn(): boolean {
  if (taken) return false;
  taken = true;
  setImmediate(free);
  return true;
}
