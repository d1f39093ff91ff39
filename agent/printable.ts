/** What would steer a terminal, or turn the order of letters round. Authors and subjects of commits can be anybody's. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not pass
const control = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** A text that is safe to show on a terminal: what is not is written as its code. */
export function printable(text: string): string {
  return text.replaceAll(control, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
