#include "dkv20/scenario.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "dkv20/session.h"

namespace dkv20 {
namespace {

TEST(Scenario, Scripts) {
  EXPECT_EQ(ScenarioScript("A"), "new 5\nworkload 20 1000 10000\n");
  const std::string_view b = ScenarioScript("B");
  EXPECT_EQ(std::count(b.begin(), b.end(), '\n'), 40);
  EXPECT_TRUE(b.ends_with("heal\nworkload 11 1000 100\n"));
  EXPECT_TRUE(ScenarioScript("C").empty());
  for (const std::string_view name : kScenarioNames) EXPECT_FALSE(ScenarioScript(name).empty());
}

TEST(Scenario, UnknownNames) {
  for (const auto name : {"", "a", "C", "AB", "A "}) {
    EXPECT_EQ(RunScenario(name).error(), ErrorCode::kUnknownScenario) << name;
  }
}

TEST(Scenario, Diverged) {
  EXPECT_EQ(RunScript("new 3\npartition 2\nput a b\n").error(), ErrorCode::kDiverged);
  EXPECT_EQ(RunScript("new 3\nput 0x b\n").error(), ErrorCode::kDiverged);
  EXPECT_EQ(RunScript("mix 1\n").error(), ErrorCode::kDiverged);
  EXPECT_TRUE(RunScript("new 3\nput a b\n").ok());
}

}  // namespace
}  // namespace dkv20
