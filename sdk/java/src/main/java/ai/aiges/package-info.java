// SPDX-License-Identifier: Apache-2.0
/**
 * Engines in Java for the AIGES host.
 *
 * <p>Start at {@link ai.aiges.Engine}: one method is enough. {@link ai.aiges.Payload} is what goes
 * in and comes out, {@link ai.aiges.Context} is the call that runs, {@link ai.aiges.Session} and
 * {@link ai.aiges.Emitter} are for streams, {@link ai.aiges.BadInputException} is what a caller did
 * wrong. {@link ai.aiges.TestContext} runs an engine in a unit test, without a host.
 */
package ai.aiges;
