// SPDX-License-Identifier: Apache-2.0
package bench;

import ai.aiges.Context;
import ai.aiges.Engine;
import ai.aiges.Params;
import ai.aiges.Payload;
import java.util.ArrayList;
import java.util.List;

/** Answers each payload with a copy of itself, as the one in C++ beside it does. */
public final class Echo implements Engine {
  @Override
  public List<Payload> exec(Context context, Params params, List<Payload> input) {
    List<Payload> answer = new ArrayList<>(input.size());
    for (Payload each : input) {
      answer.add(Payload.of(each.key(), each.type(), each.bytes()));
    }
    return answer;
  }
}
