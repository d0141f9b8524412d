// SPDX-License-Identifier: Apache-2.0
package ai.aiges;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What Writer writes is what wrapper/java/wire.h says. */
class WireTest {
  private static ByteBuffer read(ByteBuffer lent) {
    ByteBuffer in = lent.duplicate().order(ByteOrder.nativeOrder());
    in.clear();
    return in;
  }

  private static String text(ByteBuffer in) {
    byte[] bytes = new byte[in.getInt()];
    in.get(bytes);
    assertEquals(0, in.get());
    return new String(bytes, java.nio.charset.StandardCharsets.UTF_8);
  }

  @Test
  void smallAnswerLiesInTheLentBuffer() {
    ByteBuffer lent = ByteBuffer.allocateDirect(1000);
    Writer writer = new Writer(lent);
    writer.number(0);
    writer.payloads(List.of(Payload.of("key\0x", "hi").with(Map.of("a", "b"))));
    assertNull(writer.done());
    ByteBuffer in = read(lent);
    int all = in.getInt();
    assertEquals(0, in.getInt());
    assertEquals(1, in.getInt());
    assertEquals("key\\x00x", text(in));
    assertEquals(Payload.Type.TEXT.ordinal(), in.getInt());
    assertEquals(Payload.Status.ONCE.ordinal(), in.getInt());
    assertEquals(1, in.getInt());
    assertEquals("a", text(in));
    assertEquals("b", text(in));
    assertEquals(-1, in.getInt());
    assertEquals(2, in.getInt());
    assertEquals('h', in.get());
    assertEquals(all, in.position() + 1);
  }

  @Test
  void answerThatDoesNotFitIsAnArray() {
    Writer writer = new Writer(ByteBuffer.allocateDirect(16));
    writer.text("x".repeat(100));
    Object[] done = writer.done();
    assertNotNull(done);
    ByteBuffer in = read(ByteBuffer.wrap((byte[]) done[0]));
    assertEquals(4 + 4 + 101, in.getInt());
    assertEquals("x".repeat(100), text(in));
  }

  @Test
  void largePayloadsGoAlongAsTheyAre() {
    byte[] large = new byte[100_000];
    ByteBuffer direct = ByteBuffer.allocateDirect(100_000).position(5);
    ByteBuffer lent = ByteBuffer.allocateDirect(1000);
    Writer writer = new Writer(lent);
    writer.payloads(
        List.of(
            Payload.of("a", Payload.Type.IMAGE, large),
            Payload.of("b", Payload.Type.IMAGE, ByteBuffer.wrap(large, 7, 90_000)),
            Payload.of("c", Payload.Type.IMAGE, direct),
            Payload.of("d", Payload.Type.IMAGE, ByteBuffer.wrap(large).asReadOnlyBuffer())));
    Object[] done = writer.done();
    assertNull(done[0]);
    assertEquals(large, done[1]);
    assertEquals(large, done[2]);
    assertEquals(99_995, ((ByteBuffer) done[3]).limit());
    assertArrayEquals(large, (byte[]) done[4]);
  }

  @Test
  void readerGivesWhatWasWritten() {
    ByteBuffer buffer = ByteBuffer.allocateDirect(200).order(ByteOrder.nativeOrder());
    buffer.putInt(1).putInt(1).put((byte) 'k').putInt(3).putInt(2).putInt(0).putInt(0);
    Reader reader = new Reader(buffer, new Object[] {new byte[] {9}}, null);
    Payload payload = reader.payloads().get(0);
    assertEquals("k", payload.key());
    assertEquals(Payload.Type.VIDEO, payload.type());
    assertEquals(Payload.Status.END, payload.status());
    assertArrayEquals(new byte[] {9}, payload.bytes());
  }
}
