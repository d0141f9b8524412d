// SPDX-License-Identifier: Apache-2.0
package ai.aiges;

/** It cannot be done now, and may be later: HTTP 503, gRPC UNAVAILABLE. */
public class UnavailableException extends CallException {
  private static final long serialVersionUID = 1L;

  /**
   * With the code of its class.
   *
   * @param text what the client gets as it is
   */
  public UnavailableException(String text) {
    super(text, 3, 30008, null);
  }

  /**
   * With what it comes from.
   *
   * @param text what the client gets as it is
   * @param cause what it comes from, for the log
   */
  public UnavailableException(String text, Throwable cause) {
    super(text, 3, 30008, cause);
  }
}
