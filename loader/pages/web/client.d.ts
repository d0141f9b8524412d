// SPDX-License-Identifier: Apache-2.0
// The types of client.js: docs/clients.md.

/** What a model takes by name. A file is a Blob or a File; undefined and null are not sent. */
export type Inputs = Record<string, unknown>;

/** An answer without success, or a connection that ended too early. */
export class AigesError extends Error {
  constructor(code: number, message: string, status?: number, requestId?: string);
  /** The number of docs/errors.md; 0: none was told. */
  readonly code: number;
  /** The status of HTTP; 0 where none came. */
  readonly status: number;
  /** The name of the call in the loader's log. */
  readonly requestId: string;
}

export interface ClientOptions {
  /** The model's name, where the loader has several. */
  service?: string;
  /** The key of the loader's [access] file. */
  key?: string;
  headers?: Record<string, string>;
}

export interface CallOptions {
  /** Another path than that of the model: "/v1/json/svcName". */
  path?: string;
  /** Of the query: "timeout_ms", scalars. */
  params?: Record<string, string>;
  headers?: Record<string, string>;
  /** The media type that is wanted: "image/webp". */
  accept?: string;
  signal?: AbortSignal;
}

/** Outputs by name: text, the value of JSON, or bytes. */
export type Outputs = Record<string, unknown>;

/** A conversation. Leaving the loop over it, or close(), ends it. */
export interface Session extends AsyncGenerator<Outputs, void, void> {
  /** Writes a piece of each input; the last ends it. */
  send(inputs: Inputs, last?: boolean): Promise<void>;
  close(): void;
}

export class Client {
  /** Without a url: the loader that this module is from. */
  constructor(url?: string, options?: ClientOptions);
  readonly url: string;
  /** Resolves to the answer: .json(), .text(), .blob(), .headers. Rejects with AigesError. */
  predict(inputs: Inputs, options?: CallOptions): Promise<Response>;
  /** Yields each value as it comes; leaving the loop ends the call. Throws AigesError. */
  stream(inputs: Inputs, options?: Omit<CallOptions, "accept">): AsyncGenerator<any, void, void>;
  /** Opens a conversation with an engine that has sessions. Throws AigesError. */
  session(params?: Record<string, string>, service?: string): Session;
}
