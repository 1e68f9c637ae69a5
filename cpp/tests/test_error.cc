#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "dkv20/error.h"

namespace dkv20 {
namespace {

// In the order of the list: the names are part of the protocol.
TEST(Error, Names) {
  const std::vector<std::string_view> expected = {
      "replica-count",    "key-length", "value-length",   "unknown-replica", "no-leader",
      "not-leader",       "truncated",  "bad-magic",      "bad-version",     "bad-term",
      "bad-count",        "key-order",  "trailing-bytes", "key-space",       "count",
      "unknown-scenario", "diverged",   "line-length",    "unknown-command", "syntax",
      "no-cluster"};
  ASSERT_EQ(expected.size(), static_cast<std::size_t>(ErrorCode::kNoCluster) + 1);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(ErrorName(static_cast<ErrorCode>(i)), expected[i]);
  }
}

TEST(Error, ResultHoldsOneOrTheOther) {
  const Result<std::string> value = std::string("v");
  ASSERT_TRUE(value.ok());
  EXPECT_EQ(value.value(), "v");
  const Result<std::string> error = ErrorCode::kCount;
  ASSERT_FALSE(error.ok());
  EXPECT_EQ(error.error(), ErrorCode::kCount);
}

// Also in Release: a check is no assert.
TEST(ErrorDeathTest, ChecksStayInEveryBuild) {
  const Result<int> error = ErrorCode::kCount;
  EXPECT_DEATH(static_cast<void>(error.value()), "does not hold: ok\\(\\)");
}

}  // namespace
}  // namespace dkv20
