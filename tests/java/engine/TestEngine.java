// SPDX-License-Identifier: Apache-2.0
package tests;

import ai.aiges.AlreadyExistsException;
import ai.aiges.Answer;
import ai.aiges.BadInputException;
import ai.aiges.Call;
import ai.aiges.CallException;
import ai.aiges.CallFailedException;
import ai.aiges.Context;
import ai.aiges.Data;
import ai.aiges.Emitter;
import ai.aiges.Engine;
import ai.aiges.NotFoundException;
import ai.aiges.Params;
import ai.aiges.Payload;
import ai.aiges.Session;
import ai.aiges.UnavailableException;
import java.io.File;
import java.lang.reflect.Field;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/** Can everything that the interface has: as the parameter "do" of a call says. */
public final class TestEngine implements Engine {
  private final Map<Integer, String> loaded = new ConcurrentHashMap<>();
  private final AtomicInteger open = new AtomicInteger();
  private final List<byte[]> kept = new ArrayList<>();
  private final List<Data> inputs = new ArrayList<>(); // With itself: beyond their calls.
  private final List<ByteBuffer> buffers = new ArrayList<>(); // With inputs.
  private Map<String, String> config = Map.of();

  @Override
  public void init(Map<String, String> given) throws Exception {
    config = given;
    if (given.containsKey("init_fails")) {
      throw new IllegalStateException(given.get("init_fails"));
    }
    if (given.containsKey("hook_file")) {
      Path file = Path.of(given.get("hook_file"));
      Runtime.getRuntime().addShutdownHook(new Thread(() -> note(file, "hook")));
    }
    if (given.containsKey("pause_ms")) {
      Thread.sleep(Long.parseLong(given.get("pause_ms")));
    }
  }

  private static void note(Path file, String line) {
    try {
      Files.writeString(file, line + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    } catch (java.io.IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  @Override
  public List<Payload> exec(Context context, Params params, List<Payload> input) throws Exception {
    return switch (params.get("do", "upper")) {
      case "echo" -> echo(input);
      case "copy" -> copies(input);
      case "upper" -> upper(input);
      case "describe" -> List.of(Payload.of("out", describe(params, input)));
      case "resources" -> List.of(Payload.of("out", named(context)));
      case "config" -> List.of(Payload.of("out", String.valueOf(config.get(params.get("key")))));
      case "property" -> List.of(Payload.of("out", System.getProperty(params.get("key"), "none")));
      case "heap" -> List.of(Payload.of("out", "" + (Runtime.getRuntime().maxMemory() >> 20)));
      case "big" -> List.of(big(params));
      case "keep" -> keep(input);
      case "late" -> late();
      case "loader" -> List.of(Payload.of("out", loaderOfThread()));
      case "time" -> List.of(Payload.of("out", time(context)));
      case "wait" -> waits(context);
      case "sleep" -> {
        Thread.sleep(params.getInt("ms", 100));
        yield echo(input);
      }
      case "print" -> {
        System.out.println("printed out \u00fc\u4e2d");
        System.err.println("printed err \u00fc\u4e2d");
        yield echo(input);
      }
      case "meter" -> {
        context.meter("tokens", params.getInt("count", 7));
        context.trace("step", "one");
        context.progress(0.25);
        yield echo(input);
      }
      case "null_answer" -> null;
      case "null_item" -> java.util.Collections.singletonList(null);
      case "call" -> call(context, params, input);
      case "stream" -> stream(context, params, input);
      case "int" -> List.of(Payload.of("out", String.valueOf(params.getInt("value", 3))));
      default -> {
        fail(params);
        yield List.of();
      }
    };
  }

  // Where calls fail, and where they take the process with them.
  private void fail(Params params) throws Exception {
    switch (params.get("do")) {
      case "bad" -> throw new BadInputException("text: expected a word, got none");
      case "missing" -> throw new NotFoundException("no such word");
      case "busy" -> throw new UnavailableException("later");
      case "exists" -> throw new AlreadyExistsException("there already");
      case "coded" -> throw new CallException("my own text", 4711);
      case "throw" -> throw new IllegalStateException("broken \u00fc\u4e2d\0end");
      case "cause" -> throw new RuntimeException("outer", new IllegalArgumentException("inner"));
      case "null_pointer" -> nothing().length();
      case "overflow" -> deeper(0);
      case "mute" -> throw new Mute();
      case "long_text" -> throw new IllegalStateException("x".repeat(100_000));
      case "memory" -> {
        while (true) {
          kept.add(new byte[1 << 20]);
        }
      }
      case "direct_memory" -> throw new OutOfMemoryError("Cannot reserve direct buffer memory");
      case "crash" -> unsafe().putLong(8L, 1L);
      case "abort" -> {
        long memory = unsafe().allocateMemory(64);
        unsafe().freeMemory(memory);
        unsafe().freeMemory(memory); // Which the C library answers with abort().
      }
      case "exit" -> System.exit(3);
      case "halt" -> Runtime.getRuntime().halt(4);
      case "hang" -> {
        while (true) {
          Thread.sleep(1000);
        }
      }
      case "spin" -> {
        while (!Thread.currentThread().isInterrupted()) {
          Thread.onSpinWait();
        }
      }
      default -> throw new BadInputException("do: expected another, got " + params.get("do"));
    }
  }

  private static String loaderOfThread() throws InterruptedException {
    Thread.sleep(20); // For others to be asked meanwhile.
    ClassLoader loader = Thread.currentThread().getContextClassLoader();
    String name = loader == null ? "none" : loader.getClass().getSimpleName();
    return Thread.currentThread().getId() + " " + name;
  }

  private static final class Mute extends RuntimeException {
    @Override
    public String getMessage() {
      throw new IllegalStateException("nothing to say");
    }
  }

  private static String nothing() {
    return null;
  }

  private static int deeper(int depth) {
    return depth == Integer.MIN_VALUE ? 0 : deeper(depth + 1) + 1;
  }

  private static sun.misc.Unsafe unsafe() throws Exception {
    Field field = sun.misc.Unsafe.class.getDeclaredField("theUnsafe");
    field.setAccessible(true);
    return (sun.misc.Unsafe) field.get(null);
  }

  private static List<Payload> echo(List<Payload> input) {
    return input;
  }

  private static List<Payload> upper(List<Payload> input) {
    List<Payload> out = new ArrayList<>();
    for (Payload each : input) {
      out.add(Payload.of(each.key(), each.text().toUpperCase(Locale.ROOT)));
    }
    return out;
  }

  private static List<Payload> copies(List<Payload> input) {
    List<Payload> out = new ArrayList<>();
    for (Payload each : input) {
      out.add(Payload.of(each.key(), each.type(), each.bytes()));
    }
    return out;
  }

  private static String joined(List<Payload> input) {
    StringBuilder text = new StringBuilder();
    for (Payload each : input) {
      text.append(each.text());
    }
    return text.toString();
  }

  private static String describe(Params params, List<Payload> input) {
    StringBuilder text = new StringBuilder();
    for (Payload each : input) {
      ByteBuffer bytes = each.buffer();
      text.append(each.key()).append(' ').append(each.type()).append(' ').append(each.status());
      text.append(' ').append(each.data()).append(bytes.isDirect() ? " direct" : " heap");
      text.append(bytes.isReadOnly() ? " read-only " : " writable ").append(each.attributes());
      text.append(';');
    }
    return text.append(params.get("named", "-")).toString();
  }

  private String named(Context context) {
    StringBuilder text = new StringBuilder();
    for (int id : context.resources()) {
      text.append('[').append(id).append('=').append(loaded.get(id)).append(']');
    }
    return text.toString();
  }

  private static Payload big(Params params) {
    int size = params.getInt("size", 1 << 20);
    byte fill = (byte) params.get("fill", "x").charAt(0);
    if (params.getBoolean("direct", false)) {
      ByteBuffer out = ByteBuffer.allocateDirect(size + 7);
      while (out.hasRemaining()) {
        out.put(fill);
      }
      return Payload.of("out", Payload.Type.TEXT, out.flip().position(7));
    }
    byte[] out = new byte[size];
    Arrays.fill(out, fill);
    if (params.getBoolean("slice", false)) {
      return Payload.of("out", Payload.Type.TEXT, ByteBuffer.wrap(out, 5, size - 5));
    }
    return Payload.of("out", Payload.Type.TEXT, out);
  }

  private List<Payload> keep(List<Payload> input) {
    synchronized (inputs) {
      for (Payload each : input) {
        inputs.add(each.data());
        buffers.add(each.buffer());
      }
    }
    return echo(List.of());
  }

  // What has become of inputs whose calls are over: nothing that ends the process.
  private List<Payload> late() {
    int refused = 0;
    long sum = 0;
    synchronized (inputs) {
      for (Data each : inputs) {
        try {
          each.buffer();
        } catch (IllegalStateException e) {
          refused++;
        }
      }
      for (ByteBuffer each : buffers) {
        for (int i = 0; i < each.limit(); i += 4096) {
          sum += each.get(i);
        }
      }
    }
    System.out.println("sum of what lies there now: " + sum);
    return List.of(Payload.of("out", refused + " refused of " + buffers.size()));
  }

  private static String time(Context context) {
    return context.remaining().map(left -> left.toMillis() > 0 ? "early" : "late").orElse("none")
        + (context.cancelled() ? " cancelled" : "");
  }

  private static List<Payload> waits(Context context) throws InterruptedException {
    context.meter("waits", 1);
    while (!context.cancelled()) {
      Thread.sleep(1);
    }
    context.meter("saw_cancel", 1);
    context.checkCancelled();
    return List.of();
  }

  // "model" = a,b: a is called, which is to call b. With "tell" what goes wrong is the answer.
  private static List<Payload> call(Context context, Params params, List<Payload> input) {
    String path = params.get("model");
    int comma = path.indexOf(',');
    String first = comma < 0 ? path : path.substring(0, comma);
    String rest = comma < 0 ? "" : path.substring(comma + 1);
    Map<String, String> further = Map.of("do", "call", "model", rest, "call", rest);
    if (rest.isEmpty()) {
      further = params.get("then") == null ? Map.of() : Map.of("do", params.get("then"));
    }
    try {
      return context.call(first, further, input);
    } catch (CallFailedException e) {
      if (!params.getBoolean("tell", false)) {
        throw e;
      }
      return List.of(Payload.of("out", e.code() + " " + e.kind() + " " + e.getMessage()));
    }
  }

  private static List<Payload> stream(Context context, Params params, List<Payload> input) {
    StringBuilder text = new StringBuilder();
    Map<String, String> further = Map.of("items", "3");
    try (Context.Answers answers = context.stream(params.get("model"), further, input)) {
      while (answers.hasNext()) {
        text.append(text.isEmpty() ? "" : ",").append(joined(answers.next()));
      }
    }
    return List.of(Payload.of("text", text.toString()));
  }

  @Override
  public List<Answer> execBatch(List<Call> calls) {
    List<Answer> answers = new ArrayList<>();
    for (Call call : calls) {
      if (call.params().get("do", "").equals("batch_fails")) {
        throw new IllegalStateException("all of " + calls.size());
      }
      String text = joined(call.input());
      if (text.equals("bad")) {
        answers.add(Answer.failed(new BadInputException("bad one")));
      } else if (text.equals("worse")) {
        answers.add(Answer.failed(new IllegalStateException("worse one")));
      } else if (text.startsWith("large")) {
        answers.add(Answer.of(Payload.of("out", Payload.Type.TEXT, new byte[200_000])));
      } else {
        answers.add(Answer.of(Payload.of("out", text + " of " + calls.size())));
      }
    }
    return answers;
  }

  @Override
  public Session create(Context context, Params params, Emitter emitter) {
    if (params.get("create", "").equals("fail")) {
      throw new BadInputException("no session for you");
    }
    open.incrementAndGet();
    return params.get("by", "emitter").equals("read")
        ? new ReadSession(context, params)
        : new EmitSession(context, params, emitter);
  }

  private static void maybeFail(Params params) throws Exception {
    switch (params.get("write", "")) {
      case "fail" -> throw new IllegalStateException("write is broken");
      case "exit" -> System.exit(3);
      case "crash" -> unsafe().putLong(8L, 1L);
      default -> {}
    }
  }

  private abstract class Counted implements Session {
    final Context context;
    final Params params;

    Counted(Context context, Params params) {
      this.context = context;
      this.params = params;
    }

    @Override
    public void destroy() {
      context.meter("destroyed", 1);
      if (params.get("log") != null) {
        note(new File(params.get("log")).toPath(), "destroy");
      }
      open.decrementAndGet();
    }
  }

  /** What is written comes back in upper case, then "items" numbers; by a thread of its own. */
  private final class EmitSession extends Counted {
    private final Emitter emitter;
    private Thread thread;

    EmitSession(Context context, Params params, Emitter emitter) {
      super(context, params);
      this.emitter = emitter;
    }

    @Override
    public void write(List<Payload> input) throws Exception {
      maybeFail(params);
      boolean end = input.isEmpty() || input.get(input.size() - 1).isLast();
      int items = params.getInt("items", 0);
      String text = joined(input).toUpperCase(Locale.ROOT);
      Payload.Status last = end && items == 0 ? Payload.Status.END : Payload.Status.CONTINUE;
      emitter.emit(Payload.of("out", text).with(last));
      if (!end || items == 0) {
        return;
      }
      thread = new Thread(() -> number(items));
      thread.start();
    }

    private void number(int items) {
      int size = params.getInt("bytes", 0);
      for (int i = 1; i <= items; i++) {
        Payload.Status status = i == items ? Payload.Status.END : Payload.Status.CONTINUE;
        byte[] bytes = String.valueOf(i).getBytes();
        if (params.getInt("fail_at", -1) == i) {
          emitter.fail(new IllegalStateException("failed at " + i));
          return;
        }
        bytes = size == 0 ? bytes : Arrays.copyOf(bytes, size);
        if (!emitter.emit(Payload.of("out", Payload.Type.TEXT, bytes).with(status))) {
          context.meter("refused", 1);
          return;
        }
      }
    }

    @Override
    public void destroy() {
      try {
        if (thread != null) {
          thread.join();
        }
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
      super.destroy();
    }
  }

  /** The same by read(). */
  private final class ReadSession extends Counted {
    private final ArrayDeque<Payload> ready = new ArrayDeque<>();

    ReadSession(Context context, Params params) {
      super(context, params);
    }

    @Override
    public void write(List<Payload> input) throws Exception {
      maybeFail(params);
      boolean end = input.isEmpty() || input.get(input.size() - 1).isLast();
      int items = end ? params.getInt("items", 0) : 0;
      Payload.Status last = end && items == 0 ? Payload.Status.END : Payload.Status.CONTINUE;
      ready.add(Payload.of("out", joined(input).toUpperCase(Locale.ROOT)).with(last));
      for (int i = 1; i <= items; i++) {
        Payload.Status status = i == items ? Payload.Status.END : Payload.Status.CONTINUE;
        int size = Math.max(params.getInt("bytes", 1), 1);
        byte[] bytes = Arrays.copyOf(String.valueOf(i).getBytes(), size);
        ready.add(Payload.of("out", Payload.Type.TEXT, bytes).with(status));
      }
    }

    @Override
    public List<Payload> read() throws Exception {
      if (params.get("read", "").equals("fail")) {
        throw new IllegalStateException("read is broken");
      }
      return ready.isEmpty() ? List.of() : List.of(ready.poll());
    }
  }

  @Override
  public String schema() {
    return config.getOrDefault("schema", "");
  }

  @Override
  public void warmUp() {
    if (config.containsKey("warm_fails")) {
      throw new IllegalStateException(config.get("warm_fails"));
    }
  }

  @Override
  public void loadResource(int id, Payload data) {
    if (data.text().equals("bad")) {
      throw new BadInputException("a resource that cannot be used");
    }
    loaded.put(id, data.text());
  }

  @Override
  public void unloadResource(int id) {
    loaded.remove(id);
  }

  @Override
  public void close() {
    if (config.containsKey("close_file")) {
      note(Path.of(config.get("close_file")), "close");
    }
  }
}
