/** Why a file can not be opened, in words that quote nothing of it: only these are ever told. */
export class SopsError extends Error {}
