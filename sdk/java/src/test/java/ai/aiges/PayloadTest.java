// SPDX-License-Identifier: Apache-2.0
package ai.aiges;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ReadOnlyBufferException;
import java.util.Map;
import org.junit.jupiter.api.Test;

class PayloadTest {
  @Test
  void textIsUtf8() {
    Payload payload = Payload.of("text", "\u00fc\u4e2d");
    assertEquals(5, payload.data().size());
    assertEquals("\u00fc\u4e2d", payload.text());
    assertTrue(payload.isLast());
  }

  @Test
  void buffersGivenOutAreReadOnlyAndIndependent() {
    Payload payload = Payload.of("b", Payload.Type.OTHER, new byte[] {1, 2, 3});
    ByteBuffer first = payload.buffer();
    first.get();
    assertEquals(0, payload.buffer().position());
    assertThrows(ReadOnlyBufferException.class, () -> payload.buffer().put((byte) 9));
  }

  @Test
  void bufferIsTakenFromItsPositionToItsLimit() {
    ByteBuffer given = ByteBuffer.wrap(new byte[] {0, 1, 2, 3, 4}, 1, 3);
    Payload payload = Payload.of("b", Payload.Type.OTHER, given);
    assertArrayEquals(new byte[] {1, 2, 3}, payload.bytes());
    assertEquals(1, given.position());
  }

  @Test
  void lentInputIsRefusedAfterItsHook() {
    Data.Lease lease = new Data.Lease();
    Data lent = Data.lent(ByteBuffer.allocateDirect(4), lease);
    Data kept = lent.keep();
    assertEquals(4, lent.buffer().remaining());
    lease.end();
    assertThrows(IllegalStateException.class, lent::buffer);
    assertThrows(IllegalStateException.class, lent::bytes);
    assertThrows(IllegalStateException.class, lent::text);
    assertThrows(IllegalStateException.class, lent::keep);
    assertEquals(4, lent.size());
    assertArrayEquals(new byte[4], kept.bytes());
    assertSame(kept, kept.keep());
  }

  @Test
  void nothingOfAPayloadMayBeMissing() {
    assertThrows(NullPointerException.class, () -> Payload.of("text", (String) null));
    Map<String, String> nothing = null;
    assertThrows(NullPointerException.class, () -> Payload.of("t", "x").with(nothing));
    assertFalse(Payload.of("t", "x").with(Payload.Status.BEGIN).isLast());
  }

  @Test
  void paramsAreReadAsWhatTheyAre() {
    Params params = new Params(Map.of("n", " 7 ", "x", "0.5", "on", "1", "bad", "many"));
    assertEquals(7, params.getInt("n", 1));
    assertEquals(1, params.getInt("none", 1));
    assertEquals(0.5, params.getDouble("x", 1));
    assertTrue(params.getBoolean("on", false));
    BadInputException wrong =
        assertThrows(BadInputException.class, () -> params.getInt("bad", 1));
    assertEquals("bad: expected a whole number, got \"many\"", wrong.getMessage());
    assertThrows(BadInputException.class, () -> params.getDouble("bad", 1));
    assertThrows(BadInputException.class, () -> params.getBoolean("bad", true));
  }
}
