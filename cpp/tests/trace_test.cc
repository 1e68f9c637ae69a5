#include "dkv20/trace.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace dkv20 {
namespace {

using namespace std::string_view_literals;

// Returns "LINE:COLUMN" of a trace's error.
std::string ErrorAt(std::string_view trace) {
  const auto steps = ParseTrace(trace);
  if (steps.ok()) return "no error";
  EXPECT_FALSE(steps.error().reason.empty());
  return std::to_string(steps.error().line) + ":" + std::to_string(steps.error().column);
}

TEST(Trace, Parse) {
  const auto steps = ParseTrace("# x\n\n> new 1\n< ok\n# y\n> put a \0\n< ok\r\n# z\n"sv);
  ASSERT_TRUE(steps.ok());
  ASSERT_EQ(steps.value().size(), 2U);
  EXPECT_EQ(steps.value()[0].line, 3U);
  EXPECT_EQ(steps.value()[1].command, "put a \0"sv);
  EXPECT_EQ(steps.value()[1].answer, "ok\r");
  EXPECT_TRUE(ParseTrace("").ok());
  EXPECT_TRUE(ParseTrace("> quit\n< ok\n# end\n").ok());
}

TEST(Trace, ErrorHasLineAndColumn) {
  EXPECT_EQ(ErrorAt("> new 1\n< ok"), "2:5");
  EXPECT_EQ(ErrorAt("> new 1\n"), "2:1");
  EXPECT_EQ(ErrorAt("> new 1\n> new 2\n< ok\n"), "2:1");
  EXPECT_EQ(ErrorAt("> new 1\n# comment\n< ok\n"), "2:1");
  EXPECT_EQ(ErrorAt("> new 1\n\n< ok\n"), "2:1");
  EXPECT_EQ(ErrorAt("< ok\n"), "1:1");
  EXPECT_EQ(ErrorAt("> new 1\n< ok\n< ok\n"), "3:1");
  EXPECT_EQ(ErrorAt("#\nnew 1\n"), "2:1");
  EXPECT_EQ(ErrorAt(">new 1\n<ok\n"), "1:2");
  EXPECT_EQ(ErrorAt("<ok\n"), "1:2");
  EXPECT_EQ(ErrorAt(" \n"), "1:1");
  EXPECT_EQ(ErrorAt("\n> hello\n< ok dkv20 1 cpp\n"), "2:3");
  EXPECT_EQ(ErrorAt("> # nothing\n< \n"), "1:3");
  EXPECT_EQ(ErrorAt("> \n< \n"), "1:3");
  EXPECT_EQ(ErrorAt("> quit\n< ok\n> mix 0\n< ok 0\n"), "3:1");
}

TEST(Trace, Check) {
  const auto good = ParseTrace("> new 1\n< ok\n> put a b\n< ok committed index=1 term=1\n");
  EXPECT_FALSE(CheckTrace(good.value()).has_value());
  const auto bad = ParseTrace("> new 1\n< ok\n> get 0 a\n< ok 0x\n> mix 0\n< ok 1\n");
  const auto mismatch = CheckTrace(bad.value());
  ASSERT_TRUE(mismatch.has_value());
  EXPECT_EQ(mismatch->step.line, 3U);
  EXPECT_EQ(mismatch->step.command, "get 0 a");
  EXPECT_EQ(mismatch->step.answer, "ok 0x");
  EXPECT_EQ(mismatch->actual, "ok none");
}

TEST(Trace, AnswersAreComparedByteByByte) {
  for (const std::string answer : {"ok 0 ", "ok  0", "OK 0", "ok 0\r", ""}) {
    const auto trace = ParseTrace("> mix 0\n< " + answer + "\n");
    EXPECT_TRUE(CheckTrace(trace.value()).has_value()) << answer;
  }
}

}  // namespace
}  // namespace dkv20
