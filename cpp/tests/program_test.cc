// The program as a process: `serve`, `scenario` and their failures.

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "process.h"

namespace {

using namespace std::string_view_literals;
using dkv20::testing::Ended;
using dkv20::testing::Process;

constexpr std::size_t kLineLengthMax = 4194304;

struct Finished {
  int status;
  std::string output;
  std::string errors;
};

Finished RunProgram(std::vector<std::string> arguments, std::string_view input) {
  arguments.insert(arguments.begin(), DKV20_PROGRAM);
  Process process(arguments);
  process.Send(input);
  process.CloseInput();
  std::string output = process.ReadAll();
  const int status = process.Wait().status;
  return {status, std::move(output), process.ReadErrors()};
}

void ExpectServed(std::string_view input, std::string_view output) {
  const Finished run = RunProgram({"serve"}, input);
  EXPECT_EQ(run.status, 0);
  EXPECT_EQ(run.output, output);
  EXPECT_EQ(run.errors, "");
}

TEST(Program, Pipelined) {
  std::string input = "new 3\n";
  std::string output = "ok\n";
  for (int i = 1; i <= 50000; ++i) {
    input += "put key-" + std::to_string(i % 100) + " 0x00\n";
    output += "ok committed index=" + std::to_string(i) + " term=1\n";
  }
  ExpectServed(input, output);
}

TEST(Program, OneCommandAtATime) {
  Process process({DKV20_PROGRAM, "serve"});
  ASSERT_TRUE(process.Send("new 5\n"));
  ASSERT_EQ(process.ReadLine(), "ok");
  for (int i = 1; i <= 200; ++i) {
    ASSERT_TRUE(process.Send("noop\n"));
    ASSERT_EQ(process.ReadLine(), "ok committed index=" + std::to_string(i) + " term=1");
  }
  // A complete line is answered before the rest of the next line arrives.
  ASSERT_TRUE(process.Send("mix 0\nmi"));
  ASSERT_EQ(process.ReadLine(), "ok 0");
  ASSERT_TRUE(process.Send("x 0\n# comment\n"));
  ASSERT_EQ(process.ReadLine(), "ok 0");
  process.CloseInput();
  EXPECT_EQ(process.ReadLine(), std::nullopt);
  EXPECT_EQ(process.Wait().status, 0);
}

TEST(Program, QuitWithOpenInput) {
  Process process({DKV20_PROGRAM, "serve"});
  ASSERT_TRUE(process.Send("quit\nmix 0\n"));
  EXPECT_EQ(process.ReadLine(), "ok");
  EXPECT_EQ(process.ReadLine(), std::nullopt);
  EXPECT_EQ(process.Wait().status, 0);
}

TEST(Program, LastLineWithoutLf) {
  ExpectServed("mix 0\nmix 0", "ok 0\nok 0\n");
  ExpectServed("", "");
  ExpectServed("\n\n", "");
  ExpectServed("# only a comment", "");
}

TEST(Program, BinaryBytes) {
  ExpectServed("new 1\nput \xff\x00 \x80\x01\nget 0 0xff00\nget 0 \xff\x00\nhello\r\nput\0a b\n"sv,
               "ok\nok committed index=1 term=1\nok 0x8001\nok 0x8001\nerr unknown-command\n"
               "err unknown-command\n");
}

TEST(Program, CarriageReturnIsPartOfLine) {
  ExpectServed("new 1\r\nnew 1\nput a b\r\nget 0 a\n",
               "err syntax\nok\nok committed index=1 term=1\nok 0x620d\n");
}

TEST(Program, LongestLine) {
  const std::string value(kLineLengthMax - 7, 'v');  // With "put a ", one byte below the limit.
  ExpectServed("new 1\nput a " + value + "v\nput a " + value + "vv\nmix 0\n",
               "ok\nerr value-length\nerr line-length\nok 0\n");
}

// A line of 256 MiB takes no more memory than the longest line. It is sent in pieces, because the
// memory of the test at the time of its fork counts as the process's.
TEST(Program, OverlongLineInBoundedMemory) {
  Process process({DKV20_PROGRAM, "serve"});
  const std::string piece(std::size_t{1} << 20, 'x');
  for (int i = 0; i < 256; ++i) ASSERT_TRUE(process.Send(piece));
  ASSERT_TRUE(process.Send("\nmix 0\n"));
  process.CloseInput();
  EXPECT_EQ(process.ReadAll(), "err line-length\nok 0\n");
  const Ended ended = process.Wait();
  EXPECT_EQ(ended.status, 0);
  EXPECT_LT(ended.max_resident_bytes, 128L << 20);
}

TEST(Program, LongAnswers) {
  const std::string value(1000000, 'v');
  std::string hex;
  for (std::size_t i = 0; i < value.size(); ++i) hex += "76";
  std::string input = "new 1\nput a " + value + "\n";
  std::string output = "ok\nok committed index=1 term=1\n";
  for (int i = 0; i < 5; ++i) {
    input += "get 0 a\n";
    output += "ok 0x" + hex + "\n";
  }
  ExpectServed(input, output);
}

TEST(Program, ClosedOutput) {
  Process process({DKV20_PROGRAM, "serve"});
  ASSERT_TRUE(process.Send("mix 0\n"));
  ASSERT_EQ(process.ReadLine(), "ok 0");
  process.CloseOutput();
  process.Send("mix 0\n");
  EXPECT_EQ(process.Wait().status, 1);
  EXPECT_EQ(process.ReadErrors(), "dkv20: standard output: Broken pipe\n");
}

TEST(Program, Scenario) {
  const std::string a = "A e17654881f0b176c7ca4a6da730af9677858861ecea69f68208dc64cbbeeaa7a\n";
  const std::string b = "B 04a631b2a26b3da5b2665a52b1f2be0c9d2e8fdb29d37f394b6e20aa32e52681\n";
  EXPECT_EQ(RunProgram({"scenario"}, "").output, a + b);
  EXPECT_EQ(RunProgram({"scenario", "A"}, "").output, a);
  const Finished run = RunProgram({"scenario", "B"}, "");
  EXPECT_EQ(run.output, b);
  EXPECT_EQ(run.status, 0);
  const Finished unknown = RunProgram({"scenario", "C"}, "");
  EXPECT_EQ(unknown.status, 1);
  EXPECT_EQ(unknown.output, "");
  EXPECT_EQ(unknown.errors, "err unknown-scenario\n");
}

TEST(Program, HelpAndVersion) {
  const Finished version = RunProgram({"--version"}, "");
  EXPECT_EQ(version.status, 0);
  EXPECT_EQ(version.output, "dkv20 " DKV20_VERSION "\n");
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"--help"}, {"serve", "--help"}, {"scenario", "--help"}}) {
    const Finished help = RunProgram(arguments, "");
    EXPECT_EQ(help.status, 0);
    EXPECT_NE(help.output.find("Usage: "), std::string::npos) << help.output;
    EXPECT_EQ(help.errors, "");
  }
}

TEST(Program, UsageErrors) {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{},
                                                    {"nonsense"},
                                                    {"serve", "x"},
                                                    {"scenario", "A", "B"},
                                                    {"--nonsense"},
                                                    {"serve", "--nonsense"},
                                                    {"serve", "scenario"}}) {
    const Finished run = RunProgram(arguments, "");
    EXPECT_EQ(run.status, 2);
    EXPECT_EQ(run.output, "");
    EXPECT_NE(run.errors, "");
  }
}

}  // namespace
