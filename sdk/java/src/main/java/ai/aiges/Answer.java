// SPDX-License-Identifier: Apache-2.0
package ai.aiges;

import java.util.List;
import java.util.Objects;

/**
 * The answer of one call of a batch: payloads, or what went wrong with this one.
 *
 * @param output the payloads; empty beside an error
 * @param error null: none
 */
public record Answer(List<Payload> output, Throwable error) {
  /** Checks that the payloads are there. */
  public Answer {
    Objects.requireNonNull(output, "output: expected a list, got null");
  }

  /**
   * Payloads.
   *
   * @param output the payloads
   * @return the answer
   */
  public static Answer of(List<Payload> output) {
    return new Answer(output, null);
  }

  /**
   * One payload.
   *
   * @param payload the payload
   * @return the answer
   */
  public static Answer of(Payload payload) {
    return of(List.of(payload));
  }

  /**
   * An error, which is this call's alone.
   *
   * @param error what went wrong
   * @return the answer
   */
  public static Answer failed(Throwable error) {
    return new Answer(List.of(), Objects.requireNonNull(error, "error"));
  }
}
