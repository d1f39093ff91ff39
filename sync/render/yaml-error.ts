/** Text that could not be read. The message names the place and the reason and never quotes the file. */
export class YamlError extends Error {
  readonly line: number | undefined;
  constructor(message: string, line?: number) {
    super(message);
    this.name = 'YamlError';
    this.line = line;
  }
}
