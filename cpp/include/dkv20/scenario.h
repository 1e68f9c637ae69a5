// The two scenarios whose hashes every port must print (definition, section 9).

#ifndef DKV20_SCENARIO_H_
#define DKV20_SCENARIO_H_

#include <string>
#include <string_view>

#include "dkv20/error.h"

namespace dkv20 {

// The command lines of scenario `name`, each ended by LF; empty where there is no such scenario.
[[nodiscard]] std::string_view ScenarioScript(std::string_view name) noexcept;

// Runs scenario `name`, "A" or "B", in a session of its own. The hash of replica 0's snapshot at
// the end, in 64 lower-case hex digits; kUnknownScenario for another name; kDiverged where a
// command is answered with an error or the replicas' hashes differ at the end.
[[nodiscard]] Result<std::string> RunScenario(std::string_view name) noexcept;

// Runs command lines, each ended by LF, as a scenario of one's own. The hash, or kDiverged, also
// where the lines make no cluster.
[[nodiscard]] Result<std::string> RunScript(std::string_view script) noexcept;

}  // namespace dkv20

#endif  // DKV20_SCENARIO_H_
