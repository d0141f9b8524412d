// SPDX-License-Identifier: Apache-2.0
package bench;

import ai.aiges.Context;
import ai.aiges.Engine;
import ai.aiges.Params;
import ai.aiges.Payload;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Answers with what it gets; as in Go, the host copies it out of the memory that it lies in. */
public final class Echo implements Engine {
  @Override
  public List<Payload> exec(Context context, Params params, List<Payload> input) {
    List<Payload> answer = new ArrayList<>(input.size());
    for (Payload each : input) {
      answer.add(
          new Payload(each.key(), each.data(), each.type(), Payload.Status.ONCE, Map.of()));
    }
    return answer;
  }
}
