/**
 * The simulation: the real controller, with its reflector, work queue, lease and Events, lives for 48 hours in a world of
 * its own, and every rule that it must keep is checked after each step. A run takes a fraction of a second, because
 * nothing waits: time jumps from one timer to the next.
 *
 *     npm run simulation                                  200 seeds, each with faults that it draws itself
 *     npm run simulation -- --features crash,lostAnswers  only these, all of them
 *     npm run simulation -- --without bigClock            whatever a seed draws, but not this
 *     npm run simulation -- --seed 17                     one seed, told as a story
 *     npm run simulation -- --seed 17 --shrink c          the least of it that still violates invariant c
 *
 * A seed fixes everything: who wants which certificates, what goes wrong and when, how long each call takes, and so which
 * comes first. A violation is printed as a story in simulated time, with the command that runs it again. In that command,
 * --keep names the items of the seed's plan and --members the resources that the violation needs.
 *
 * Where what is:
 *   engine/      time, order and the network: one scheduler, machines that crash and freeze
 *   cluster/     an API server: resourceVersions, watches, dry runs, managed fields
 *   atlas/       Atlas, and stand-ins for certificates that cost nothing
 *   operator/    the only part that knows how the product is put together
 *   plan/        what may happen: features, and the happenings of each
 *   invariants/  the rules, a to l
 *   planted/     bugs that the simulation has to find
 */
import "./operator/hooks.ts";

// After the hooks, for they decide what the product imports.
const { main } = await import("./command.ts");
process.exitCode = await main(process.argv.slice(2), process.stdout);
