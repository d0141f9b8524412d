// SPDX-License-Identifier: Apache-2.0
package ai.aiges;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;

/** What went wrong, as the host is told: code, class, text for the client, stack for people. */
final class Failure {
  private static final int OK = 0;
  private static final int FAULT = 0; // The class of what is the engine's own fault.
  private static final int MOST_TEXT = 4000;
  private static final int MOST_STACK = 16_000;

  private Failure() {}

  static void ok(Writer writer) {
    writer.number(OK);
  }

  /** Out: a failure in place of a result. What is the engine's fault is printed, once. */
  static void write(Writer writer, Throwable error, String where) {
    Thread.interrupted(); // Was for the hook that has ended: the thread's next one begins without.
    if (error instanceof OutOfMemoryError) {
      String text = String.valueOf(error);
      Host.outOfMemory(text.getBytes(StandardCharsets.UTF_8));
    }
    int code = CallException.USER_EXEC_ERROR;
    int errorClass = FAULT;
    String text;
    if (error instanceof CallException said) {
      code = said.code();
      errorClass = said.errorClass();
      text = String.valueOf(messageOf(said));
    } else {
      text = where + " " + shown(error);
    }
    String stack = "";
    if (errorClass == FAULT) {
      stack = stackOf(error);
      System.err.println(where + " " + stack);
    }
    write(writer, code, errorClass, text, stack);
  }

  static void write(Writer writer, int code, int errorClass, String text, String stack) {
    writer.number(code);
    writer.number(errorClass);
    writer.text(cut(text, MOST_TEXT));
    writer.text(cut(stack, MOST_STACK));
  }

  /** "IllegalStateException: message (Model.java, line 12)": the innermost line of the user's. */
  static String shown(Throwable error) {
    String message = messageOf(error);
    StringBuilder text = new StringBuilder(error.getClass().getSimpleName());
    if (text.isEmpty()) {
      text.append(error.getClass().getName());
    }
    if (message != null && !message.isEmpty()) {
      text.append(": ").append(message);
    }
    for (StackTraceElement each : error.getStackTrace()) {
      String owner = each.getClassName();
      boolean own =
          owner.startsWith("java.")
              || owner.startsWith("jdk.")
              || owner.startsWith("sun.")
              || owner.matches("ai\\.aiges\\.[A-Z].*");
      if (!own && each.getFileName() != null && each.getLineNumber() > 0) {
        text.append(" (").append(each.getFileName()).append(", line ");
        return text.append(each.getLineNumber()).append(')').toString();
      }
    }
    return text.toString();
  }

  static String stackOf(Throwable error) {
    StringWriter text = new StringWriter();
    try {
      error.printStackTrace(new PrintWriter(text));
    } catch (RuntimeException again) { // By its own getMessage or toString.
      text.append("\n").append(error.getClass().getName()).append(", whose stack cannot be told");
    }
    return text.toString().strip();
  }

  /** What an error says of itself, also where it throws another instead. */
  private static String messageOf(Throwable error) {
    try {
      return error.getMessage();
    } catch (RuntimeException again) {
      return "its message cannot be told: " + again.getClass().getName();
    }
  }

  private static String cut(String text, int most) {
    if (text.length() <= most) {
      return text;
    }
    int end = Character.isHighSurrogate(text.charAt(most - 1)) ? most - 1 : most;
    return text.substring(0, end) + "..";
  }
}
