// SPDX-License-Identifier: Apache-2.0
package ai.aiges;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * What a model's code implements. A worker process makes one object of it, by its constructor
 * without arguments, and calls it until the process ends.
 *
 * <p>The host finds the class by {@code Aiges-Engine} in the manifest of the one jar in the model's
 * folder, or by {@link java.util.ServiceLoader}.
 *
 * <p><b>Threads.</b> {@link #init}, {@link #warmUp} and {@link #schema} run once, one after the
 * other, on the main thread, before any call. {@link #exec}, {@link #execBatch}, {@link #create}
 * and the methods of different sessions run at once on several threads: as many as wait behind slow
 * ones, at most [fc] max and 64, or exactly [instances] threads where that is set. So what they
 * share is final, or guarded. {@link #close} runs once, when no call does.
 *
 * <p><b>Ownership.</b> The engine owns what it returns; the host copies it before the next hook of
 * that thread. Inputs are the host's: see {@link Data}.
 *
 * <p><b>Errors.</b> Any exception ends the call, never the process. A {@link CallException} says
 * what its text says, with the status of its class; of any other the client gets {@code "exec
 * raised X: message"}, and the log and the status page its stack. An {@link OutOfMemoryError} ends
 * the process, which the host replaces.
 *
 * <p>Hooks that a class does not override are not there for the host: a class without {@link
 * #create} serves no sessions, one without {@link #execBatch} no batches.
 */
@SuppressWarnings("try") // close() may throw anything, an InterruptedException, too.
public interface Engine extends AutoCloseable {
  /**
   * Loads the model. An exception stops the start of this process, with its text.
   *
   * @param config the table [wrapper] of aiges.toml, values as text
   * @throws Exception where the engine cannot serve
   */
  default void init(Map<String, String> config) throws Exception {}

  /**
   * Answers one call.
   *
   * @param context the call: how long somebody waits, other models, meters
   * @param params the request's parameters
   * @param input its payloads, in order; none: an empty list
   * @return the answer's payloads; none: an empty list
   * @throws Exception what {@link Engine} says of errors
   */
  List<Payload> exec(Context context, Params params, List<Payload> input) throws Exception;

  /**
   * Answers several calls that are there together, as one: where [batch] max_size is above 1.
   *
   * @param calls one at least
   * @return one answer for each call, in their order
   * @throws Exception what then is the error of all of them
   */
  default List<Answer> execBatch(List<Call> calls) throws Exception {
    List<Answer> answers = new ArrayList<>(calls.size());
    for (Call call : calls) {
      answers.add(Answer.of(exec(call.context(), call.params(), call.input())));
    }
    return answers;
  }

  /**
   * Begins a session: input in pieces, answers as they come.
   *
   * @param context the session; it is good until {@link Session#destroy}
   * @param params those it was begun with
   * @param emitter answers by it, from any thread; or by {@link Session#read}
   * @return the session, which the host destroys exactly once
   * @throws Exception then there is no session
   */
  default Session create(Context context, Params params, Emitter emitter) throws Exception {
    throw new UnsupportedException("this engine has no sessions");
  }

  /**
   * Says what goes in and comes out, as JSON (docs/schema.md). {@link Schema} makes it of records.
   *
   * @return the JSON; empty: nothing is declared
   */
  default String schema() {
    return "";
  }

  /**
   * Runs once after {@link #init} and before the first call: so that code is compiled and caches
   * are full when clients come.
   *
   * @throws Exception then this process does not start
   */
  default void warmUp() throws Exception {}

  /**
   * Loads a resource that calls name by its number ({@link Context#resources}).
   *
   * @param id its number
   * @param data its bytes, valid during this call
   * @throws Exception then it is not loaded
   */
  default void loadResource(int id, Payload data) throws Exception {
    throw new UnsupportedException("this engine takes no resources");
  }

  /**
   * Gives up a resource. No call names it any more.
   *
   * @param id its number
   * @throws Exception which is logged
   */
  default void unloadResource(int id) throws Exception {}

  /**
   * The end, in order: no call runs and none follows. Not called where the process is killed.
   *
   * @throws Exception which is logged
   */
  @Override
  default void close() throws Exception {}
}
