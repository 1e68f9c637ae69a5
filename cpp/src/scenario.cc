#include "dkv20/scenario.h"

namespace dkv20 {
namespace {

// Steady state.
constexpr std::string_view kScenarioA = R"(new 5
workload 20 1000 10000
)";

// Failures: lagging followers, entries that a deposed leader appended, a minority's pending
// entries that a new leader commits, a longer but older log that must lose an election, and both
// reasons to install a snapshot.
constexpr std::string_view kScenarioB = R"(new 5
workload 1 1000 2000
partition 3 4
workload 2 1000 2000
heal
partition 0
at 0 put stale-1 0x01
at 0 put key-000007 0x02
at 0 del key-000008
workload 3 1000 2000
heal
partition 1 2
workload 4 1000 500
partition 3
workload 5 1000 100
partition 0
heal 1 2 3
workload 6 1000 500
heal
partition 4
at 4 put stale-2 0x03
at 4 put stale-3 0x04
at 4 put stale-4 0x05
workload 7 1000 1
partition 0 1
heal 4
workload 8 1000 500
heal
partition 2
at 2 put stale-5 0x06
at 2 put stale-6 0x07
at 2 put stale-7 0x08
workload 9 1000 1
compact
heal
partition 3
workload 10 1000 2000
compact
heal
workload 11 1000 100
)";

}  // namespace

std::string_view ScenarioScript(std::string_view name) noexcept {
  if (name == "A") return kScenarioA;
  if (name == "B") return kScenarioB;
  return {};
}

}  // namespace dkv20
