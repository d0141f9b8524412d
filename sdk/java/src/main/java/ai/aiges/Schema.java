// SPDX-License-Identifier: Apache-2.0
package ai.aiges;

import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What goes in and out, for {@link Engine#schema}: payloads by name, parameters one by one or as
 * the components of a record. /openapi.json and /docs are made of it, and with [http] validate
 * requests are checked against it. Belongs to one thread.
 */
public final class Schema {
  private static final int MOST_DEPTH = 20;

  private final String service;
  private final Map<String, Payload.Type> inputs = new LinkedHashMap<>();
  private final Map<String, Payload.Type> outputs = new LinkedHashMap<>();
  private final Map<String, Object> params = new LinkedHashMap<>();

  private Schema(String service) {
    this.service = service;
  }

  /**
   * Begins one.
   *
   * @param service the name of the service
   * @return what is then told more
   */
  public static Schema of(String service) {
    return new Schema(service);
  }

  /**
   * Adds a payload of the request.
   *
   * @param key its name
   * @param type what it is
   * @return this
   */
  public Schema input(String key, Payload.Type type) {
    inputs.put(key, type);
    return this;
  }

  /**
   * Adds a payload of the answer.
   *
   * @param key its name
   * @param type what it is
   * @return this
   */
  public Schema output(String key, Payload.Type type) {
    outputs.put(key, type);
    return this;
  }

  /**
   * Adds a parameter.
   *
   * @param name its name
   * @param schema its JSON Schema: {@link #integer}, {@link #typeOf}, or a map of one's own
   * @return this
   */
  public Schema param(String name, Map<String, Object> schema) {
    params.put(name, schema);
    return this;
  }

  /**
   * Adds a parameter for each component of a record.
   *
   * @param record its class
   * @return this
   */
  public Schema params(Class<? extends Record> record) {
    for (RecordComponent each : record.getRecordComponents()) {
      params.put(each.getName(), typeOf(each.getGenericType()));
    }
    return this;
  }

  /**
   * A whole number within bounds.
   *
   * @param least the smallest
   * @param most the largest
   * @return its JSON Schema
   */
  public static Map<String, Object> integer(long least, long most) {
    return members("type", "integer", "minimum", least, "maximum", most);
  }

  /**
   * One of a few texts.
   *
   * @param texts the texts
   * @return its JSON Schema
   */
  public static Map<String, Object> oneOf(String... texts) {
    return members("type", "string", "enum", List.of(texts));
  }

  /**
   * What a Java type is as JSON: numbers, boolean, text, enums, lists, maps of text, records.
   *
   * @param type the type
   * @return its JSON Schema
   * @throws IllegalArgumentException for any other type
   */
  public static Map<String, Object> typeOf(Type type) {
    return typeOf(type, 0);
  }

  private static Map<String, Object> typeOf(Type type, int depth) {
    if (depth > MOST_DEPTH) {
      throw new IllegalArgumentException("expected types that end, got one within itself: " + type);
    }
    if (type instanceof ParameterizedType generic) {
      Class<?> raw = (Class<?>) generic.getRawType();
      Type[] arguments = generic.getActualTypeArguments();
      if (Collection.class.isAssignableFrom(raw)) {
        return members("type", "array", "items", typeOf(arguments[0], depth + 1));
      }
      if (raw == Optional.class) {
        return typeOf(arguments[0], depth + 1);
      }
      if (Map.class.isAssignableFrom(raw) && arguments[0] == String.class) {
        return members("type", "object", "additionalProperties", typeOf(arguments[1], depth + 1));
      }
    }
    if (!(type instanceof Class<?> plain)) {
      throw new IllegalArgumentException("expected a type that JSON has, got " + type);
    }
    if (plain == String.class || plain == char.class) {
      return members("type", "string");
    }
    if (plain == boolean.class || plain == Boolean.class) {
      return members("type", "boolean");
    }
    if (plain == double.class || plain == Double.class || plain == float.class
        || plain == Float.class) {
      return members("type", "number");
    }
    if (plain == int.class || plain == Integer.class || plain == long.class || plain == Long.class
        || plain == short.class || plain == byte.class) {
      return members("type", "integer");
    }
    if (plain.isEnum()) {
      List<String> names = new ArrayList<>();
      for (Object each : plain.getEnumConstants()) {
        names.add(((Enum<?>) each).name());
      }
      return members("type", "string", "enum", names);
    }
    if (plain.isArray()) {
      return members("type", "array", "items", typeOf(plain.getComponentType(), depth + 1));
    }
    if (plain.isRecord()) {
      return recordOf(plain, depth);
    }
    throw new IllegalArgumentException("expected a type that JSON has, got " + plain.getName());
  }

  private static Map<String, Object> recordOf(Class<?> record, int depth) {
    Map<String, Object> properties = new LinkedHashMap<>();
    List<String> required = new ArrayList<>();
    for (RecordComponent each : record.getRecordComponents()) {
      properties.put(each.getName(), typeOf(each.getGenericType(), depth + 1));
      if (each.getType() != Optional.class) {
        required.add(each.getName());
      }
    }
    Map<String, Object> object = members("type", "object", "properties", properties);
    if (!required.isEmpty()) {
      object.put("required", required);
    }
    return object;
  }

  /**
   * All of it, as {@link Engine#schema} returns it.
   *
   * @return JSON
   */
  public String json() {
    Map<String, Object> header =
        members(
            "type", "object",
            "properties",
                members(
                    "appid", members("type", "string", "maxLength", 50),
                    "status",
                        members(
                            "type", "integer", "enum", List.of(0, 1, 2, 3), "default", 3)));
    Map<String, Object> parameter =
        object(members(service, members("type", "object", "properties", params)));
    Map<String, Object> request =
        members("header", header, "parameter", parameter, "payload", object(payloads(inputs)));
    Map<String, Object> all =
        members(
            "meta",
                members(
                    "serviceId", service,
                    "version", "v1",
                    "route", "/v1/private/" + service,
                    service, members("input", kinds(inputs), "accept", kinds(outputs))),
            "schemainput", object(request),
            "schemaoutput", object(members("payload", object(payloads(outputs)))));
    StringBuilder out = new StringBuilder();
    write(all, out);
    return out.toString();
  }

  private static Map<String, Object> object(Map<String, Object> properties) {
    return members("type", "object", "properties", properties);
  }

  private static String kind(Payload.Type type) {
    return type == Payload.Type.OTHER ? "text" : type.name().toLowerCase(java.util.Locale.ROOT);
  }

  private static Map<String, Object> kinds(Map<String, Payload.Type> payloads) {
    Map<String, Object> kinds = new LinkedHashMap<>();
    payloads.forEach((key, type) -> kinds.put(key, members("dataType", kind(type))));
    return kinds;
  }

  // As a JSON envelope has it: base64 in a member that the kind names.
  private static Map<String, Object> payloads(Map<String, Payload.Type> payloads) {
    Map<String, Object> made = new LinkedHashMap<>();
    payloads.forEach(
        (key, type) -> {
          Map<String, Object> data =
              members(kind(type), members("type", "string", "minLength", 0));
          data.put(
              "status", members("type", "integer", "enum", List.of(0, 1, 2, 3), "default", 3));
          made.put(key, object(data));
        });
    return made;
  }

  private static Map<String, Object> members(Object... pairs) {
    Map<String, Object> map = new LinkedHashMap<>();
    for (int i = 0; i < pairs.length; i += 2) {
      map.put((String) pairs[i], pairs[i + 1]);
    }
    return map;
  }

  private static void write(Object value, StringBuilder out) {
    if (value instanceof Map<?, ?> map) {
      String between = "{";
      for (Map.Entry<?, ?> each : map.entrySet()) {
        out.append(between);
        write(String.valueOf(each.getKey()), out);
        out.append(':');
        write(each.getValue(), out);
        between = ",";
      }
      out.append(map.isEmpty() ? "{}" : "}");
    } else if (value instanceof Iterable<?> list) {
      String between = "[";
      for (Object each : list) {
        out.append(between);
        write(each, out);
        between = ",";
      }
      out.append(between.equals("[") ? "[]" : "]");
    } else if (value instanceof Number || value instanceof Boolean || value == null) {
      out.append(value);
    } else {
      writeText(value.toString(), out);
    }
  }

  private static void writeText(String text, StringBuilder out) {
    out.append('"');
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '"' || c == '\\') {
        out.append('\\').append(c);
      } else if (c < ' ') {
        out.append(String.format("\\u%04x", (int) c));
      } else {
        out.append(c);
      }
    }
    out.append('"');
  }
}
