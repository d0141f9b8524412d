// SPDX-License-Identifier: Apache-2.0
package ai.aiges;

import java.util.List;

/**
 * One call of a batch.
 *
 * @param context the call
 * @param params its parameters
 * @param input its payloads
 */
public record Call(Context context, Params params, List<Payload> input) {}
