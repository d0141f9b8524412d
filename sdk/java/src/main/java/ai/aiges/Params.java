// SPDX-License-Identifier: Apache-2.0
package ai.aiges;

import java.util.Map;

/**
 * The parameters of a request. All values are text, as clients send them.
 *
 * @param values by name, in the order of the request; cannot be changed
 */
public record Params(Map<String, String> values) {
  /** No parameters. */
  public static final Params NONE = new Params(Map.of());

  /**
   * A parameter.
   *
   * @param name its name
   * @return its text; null: the request has none of that name
   */
  public String get(String name) {
    return values.get(name);
  }

  /**
   * A parameter, or what counts where it is not there.
   *
   * @param name its name
   * @param otherwise what counts then
   * @return its text
   */
  public String get(String name, String otherwise) {
    String value = values.get(name);
    return value == null ? otherwise : value;
  }

  /**
   * A whole number.
   *
   * @param name the parameter
   * @param otherwise what counts where it is not there
   * @return its value
   * @throws BadInputException where it is no whole number
   */
  public int getInt(String name, int otherwise) {
    String value = values.get(name);
    if (value == null) {
      return otherwise;
    }
    try {
      return Integer.parseInt(value.strip());
    } catch (NumberFormatException e) {
      throw wrong(name, "a whole number", value);
    }
  }

  /**
   * A number.
   *
   * @param name the parameter
   * @param otherwise what counts where it is not there
   * @return its value
   * @throws BadInputException where it is none
   */
  public double getDouble(String name, double otherwise) {
    String value = values.get(name);
    if (value == null) {
      return otherwise;
    }
    try {
      double number = Double.parseDouble(value.strip());
      if (Double.isFinite(number)) {
        return number;
      }
    } catch (NumberFormatException e) {
      // Told below.
    }
    throw wrong(name, "a number", value);
  }

  /**
   * True or false; 1 and 0 are taken, too.
   *
   * @param name the parameter
   * @param otherwise what counts where it is not there
   * @return its value
   * @throws BadInputException where it is neither
   */
  public boolean getBoolean(String name, boolean otherwise) {
    String value = values.get(name);
    if (value == null) {
      return otherwise;
    }
    switch (value.strip()) {
      case "true", "1":
        return true;
      case "false", "0":
        return false;
      default:
        throw wrong(name, "true or false", value);
    }
  }

  private static BadInputException wrong(String name, String expected, String got) {
    String shown = got.length() > 40 ? got.substring(0, 40) + ".." : got;
    return new BadInputException(name + ": expected " + expected + ", got \"" + shown + "\"");
  }
}
