/** What a load may use and whom it tells. Every field is optional. */
export interface LoadContext {
  /** Folder of all data sets; by default `ACCRETE_DATA`, else `$XDG_CACHE_HOME/accrete`, else `~/.cache/accrete`. */
  readonly cacheFolder?: string;
  /** Told, in a sentence each, what is fetched and what went wrong. Never needed to understand a thrown error. */
  readonly report?: (message: string) => void;
  readonly signal?: AbortSignal;
  /** True: neither downloads nor package mirrors are tried. */
  readonly offline?: boolean;
}
