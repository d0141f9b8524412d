// SPDX-License-Identifier: Apache-2.0
package ai.aiges;

import java.io.File;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import java.util.jar.Attributes;
import java.util.jar.JarFile;
import java.util.jar.Manifest;

/** Finds the engine's class in the jar of a folder, and makes its one object. */
final class EngineClass {
  /** The line of the manifest that names the class. */
  static final String LINE = "Aiges-Engine";

  /** There is no engine that can be made: why, for the person who starts the host. */
  static final class NotFound extends Exception {
    private static final long serialVersionUID = 1L;

    NotFound(String text) {
      super(text);
    }
  }

  private EngineClass() {}

  static String fileName(String jar) {
    return new File(jar).getName();
  }

  static Engine find(String jar, String named) throws Throwable {
    String name = named.isEmpty() ? inManifest(jar) : named;
    if (!name.isEmpty()) {
      return make(jar, name, named.isEmpty() ? LINE + " in its manifest" : "[aiges] app");
    }
    List<Engine> found = new ArrayList<>();
    try {
      Iterator<Engine> all = ServiceLoader.load(Engine.class).iterator();
      while (all.hasNext()) {
        found.add(all.next());
      }
    } catch (ServiceConfigurationError e) {
      if (e.getCause() != null && !(e.getCause() instanceof IOException)) {
        throw e.getCause();
      }
      throw new NotFound(fileName(jar) + ": " + e.getMessage());
    }
    if (found.size() == 1) {
      return found.get(0);
    }
    StringBuilder names = new StringBuilder();
    for (Engine each : found) {
      names.append(names.isEmpty() ? "" : ", ").append(each.getClass().getName());
    }
    throw new NotFound(
        fileName(jar)
            + (found.isEmpty() ? " names no engine" : " names several engines: " + names)
            + ": expected \""
            + LINE
            + ": <class>\" in its manifest, or one class in"
            + " META-INF/services/ai.aiges.Engine");
  }

  private static String inManifest(String jar) throws NotFound {
    try (JarFile file = new JarFile(jar)) {
      Manifest manifest = file.getManifest();
      Attributes lines = manifest == null ? new Attributes() : manifest.getMainAttributes();
      String name = lines.getValue(LINE);
      return name == null ? "" : name.strip();
    } catch (IOException e) {
      throw new NotFound(jar + " is no jar that can be read: " + e.getMessage());
    }
  }

  private static Engine make(String jar, String name, String where) throws Throwable {
    Class<?> type;
    try {
      type = Class.forName(name, true, ClassLoader.getSystemClassLoader());
    } catch (ClassNotFoundException e) {
      throw new NotFound(
          where + " names " + name + ", which is not in " + fileName(jar) + " or what it names");
    } catch (UnsupportedClassVersionError e) {
      throw new NotFound(
          name
              + " was compiled for a newer Java than "
              + System.getProperty("java.version")
              + ", which runs here: name a newer one by [instances] java, or compile with"
              + " --release "
              + Runtime.version().feature()
              + " ("
              + e.getMessage()
              + ")");
    }
    if (!Engine.class.isAssignableFrom(type)) {
      throw new NotFound(where + " names " + name + ", which does not implement ai.aiges.Engine");
    }
    try {
      return (Engine) type.getConstructor().newInstance();
    } catch (NoSuchMethodException | IllegalAccessException | InstantiationException e) {
      throw new NotFound(
          name + ": expected a public class with a public constructor without arguments");
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
  }
}
