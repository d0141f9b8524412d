// SPDX-License-Identifier: Apache-2.0
package ai.aiges;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class EngineTest {
  enum Kind {
    FAST,
    GOOD
  }

  record Point(double x, double y) {}

  record Options(int top, Kind kind, List<Point> area, Optional<String> note) {}

  @Test
  void engineMayBeALambda() throws Exception {
    Engine engine = (context, params, input) -> input;
    List<Payload> given = List.of(Payload.of("text", "x"));
    assertEquals(given, engine.exec(new TestContext(), Params.NONE, given));
    Call call = new Call(new TestContext(), Params.NONE, given);
    assertEquals(given, engine.execBatch(List.of(call)).get(0).output());
    assertEquals("", engine.schema());
    engine.close();
  }

  @Test
  void hooksThatAreNotThereSaySo() {
    Engine engine = (context, params, input) -> input;
    assertThrows(
        UnsupportedException.class, () -> engine.create(new TestContext(), Params.NONE, null));
    assertThrows(
        UnsupportedException.class, () -> engine.loadResource(1, Payload.of("r", "x")));
  }

  @Test
  void testContextStandsInForTheHost() {
    TestContext context = new TestContext();
    context.withModel("upper", (c, p, in) -> List.of(Payload.of("t", in.get(0).text() + "!")));
    context.withModel("bad", (c, p, in) -> { throw new BadInputException("no"); });
    List<Payload> given = List.of(Payload.of("t", "a"));
    assertEquals("a!", context.call("upper", Map.of(), given).get(0).text());
    CallFailedException failed =
        assertThrows(CallFailedException.class, () -> context.call("bad", Map.of(), given));
    assertEquals(CallFailedException.Kind.INVALID, failed.kind());
    assertThrows(CallFailedException.class, () -> context.call("none", Map.of(), given));
    context.meter("tokens", 2);
    context.meter("tokens", 3);
    context.progress(0.25);
    assertEquals(Map.of("tokens", 5), context.meters());
    assertEquals(List.of("progress=0.250"), context.said());
    assertFalse(context.cancelled());
    context.cancel();
    assertThrows(CancelledException.class, context::checkCancelled);
  }

  @Test
  void schemaIsMadeOfRecords() {
    String json =
        Schema.of("svc")
            .input("image", Payload.Type.IMAGE)
            .params(Options.class)
            .output("result", Payload.Type.TEXT)
            .json();
    assertTrue(json.contains("\"top\":{\"type\":\"integer\"}"), json);
    assertTrue(json.contains("\"kind\":{\"type\":\"string\",\"enum\":[\"FAST\",\"GOOD\"]}"), json);
    assertTrue(json.contains("\"required\":[\"x\",\"y\"]"), json);
    assertTrue(json.contains("\"input\":{\"image\":{\"dataType\":\"image\"}}"), json);
    assertThrows(IllegalArgumentException.class, () -> Schema.typeOf(Thread.class));
  }

  @Test
  void failureNamesTheLineOfTheUsersCode() {
    Exception thrown = new IllegalStateException("why");
    thrown.setStackTrace(
        new StackTraceElement[] {
          new StackTraceElement("java.util.ArrayList", "get", "ArrayList.java", 1),
          new StackTraceElement("app.Model", "exec", "Model.java", 12),
          new StackTraceElement("ai.aiges.Bridge", "exec", "Bridge.java", 3)
        });
    assertEquals("IllegalStateException: why (Model.java, line 12)", Failure.shown(thrown));
    assertThrows(IllegalArgumentException.class, () -> new CallException("x", 0));
  }
}
