/** A data folder that the service cannot start with. */

/** The message says what is wrong and what to do; it does not name the setting that the folder came from. */
export class DataFolderError extends Error {
  override readonly name = 'DataFolderError';
}
