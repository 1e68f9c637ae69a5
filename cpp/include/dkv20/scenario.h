// The scenarios A and B as command lines (definition, section 9). RunScenario in session.h runs
// them.

#ifndef DKV20_SCENARIO_H_
#define DKV20_SCENARIO_H_

#include <array>
#include <string_view>

namespace dkv20 {

// In the order in which the program prints them.
inline constexpr std::array<std::string_view, 2> kScenarioNames = {"A", "B"};

// Returns the command lines of scenario `name`, each ended by LF; empty for any other name.
[[nodiscard]] std::string_view ScenarioScript(std::string_view name) noexcept;

}  // namespace dkv20

#endif  // DKV20_SCENARIO_H_
