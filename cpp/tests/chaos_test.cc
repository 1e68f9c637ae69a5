#include "chaos.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "dkv20/limits.h"
#include "dkv20/trace.h"
#include "support.h"

namespace dkv20 {
namespace {

using testing::Ask;

// Runs chaos line by line. Returns the lines and their answers as a trace.
std::string RunPlainly(Session& session, std::uint64_t seed, std::uint64_t steps) {
  std::string trace;
  ChaosLines lines(seed, steps);
  for (std::string line; lines.Next(*session.cluster(), line); line.clear()) {
    trace += "> " + line + "\n< " + Ask(session, line) + "\n";
  }
  return trace;
}

TEST(Chaos, DigestCoversLinesAndAnswers) {
  for (const std::string size : {"1", "2", "5", "64"}) {
    Session one;
    Session two;
    Ask(one, "new " + size);
    Ask(two, "new " + size);
    const std::string trace = RunPlainly(two, 7, 3000);
    EXPECT_EQ(Ask(one, "chaos 7 3000"), "ok digest=" + testing::Sha256Hex(trace)) << size;

    const auto steps = ParseTrace("> new " + size + "\n< ok\n" + trace);
    ASSERT_TRUE(steps.ok());
    EXPECT_FALSE(CheckTrace(steps.value()).has_value());
  }
}

TEST(Chaos, MakesEveryKindOfLine) {
  Session session;
  Ask(session, "new 5");
  const std::string trace = RunPlainly(session, 1, 20000);
  for (const std::string& part : testing::Split(
           "> put 0x6b65792d|> del 0x6b65792d|> at 0 put 0x|> at 4 del 0x|> partition 3\n|"
           "> partition\n|> partition 0 1 2 3 4\n|> heal\n|> heal 1 3\n|> compact\n|"
           "> compact 2\n|> get 1 0x6b65792d|> hash 4\n|> log 0\n|> replica 3\n|> status\n|"
           "< err not-leader|< err no-leader|< ok pending|< ok committed|< ok none|"
           "< ok leader=none")) {
    EXPECT_NE(trace.find(part), std::string::npos) << part;
  }
}

// The command for each value of the seven highest bits of the first draw.
TEST(Chaos, CommandOfEachValue) {
  Session session;
  Ask(session, "new 5");
  std::map<std::uint64_t, std::string> words;
  for (std::uint64_t seed = 0; words.size() < 128; ++seed) {
    std::string line;
    ChaosLines(seed, 1).Next(*session.cluster(), line);
    const std::uint64_t e = SplitMix64(seed).Next() >> 57;
    std::string word = line.substr(0, line.find(' '));
    if (word == "put" || word == "del") word = "op";
    if (e >= 56 && e <= 71) {
      EXPECT_TRUE(line.starts_with("at 0 ")) << line;
    }
    if (e >= 84 && e <= 87) {
      EXPECT_EQ(line, "partition 0");
    }
    if (e == 104 || e == 105) {
      EXPECT_EQ(line, "heal");
    }
    if (e == 110 || e == 111) {
      EXPECT_EQ(line, "compact");
    }
    if (words.contains(e)) {
      EXPECT_EQ(words[e], word) << e;
    }
    words[e] = word;
  }
  std::string runs;
  for (std::uint64_t e = 0; e < 128; ++e) {
    if (e == 0 || words[e] != words[e - 1]) runs += words[e] + "@" + std::to_string(e) + " ";
  }
  EXPECT_EQ(runs,
            "op@0 at@56 partition@76 heal@92 compact@106 get@112 hash@116 log@121 replica@124 "
            "status@127 ");
}

// The digests of every port.
TEST(Chaos, PinnedDigests) {
  const std::map<std::string, std::string> pinned = {
      {"1", "2aa820956aefb0dbf0fb2327e58cfaff7d97fe7222a979d3446f625ab2e11a37"},
      {"2", "941b43da92a0c9529141d2aebc8501194fcf59a509f6b76dfe1dc05d8599282d"},
      {"3", "8967a0319ae514038f786ae1b21f2ab91ab935c27fa3bed789dfc23a78eeb609"},
      {"4", "039796f3ba364b9f2dcf1eb604b0b2805d86fe6a318dcd9bd52980a69d2bdcff"},
      {"5", "70299a56a3b7a3fc4f1a99045d53b017a1a0ab232793052b94d4a2d5cae952af"},
      {"6", "b724cdf21c96895dac0fc4a7eb29f475ccdc7851f3b3db118dcb0d4c08047b57"},
      {"7", "38250a4949e4b17982bb39d4577e878574fb39b5a5fa9782f092afb697e7a0c8"},
      {"64", "3cc3cdd5540dae29c67ac1ceb0117716b837ed6df48879313b9ff8275366ffbc"},
  };
  for (const auto& [size, digest] : pinned) {
    Session session;
    Ask(session, "new " + size);
    EXPECT_EQ(Ask(session, "chaos 1 20000"), "ok digest=" + digest) << size;
  }
}

TEST(Chaos, ClosingLines) {
  Session session;
  Ask(session, "new 2");
  ChaosLines lines(1, 0);
  std::string text;
  while (lines.Next(*session.cluster(), text)) text += '\n';
  EXPECT_EQ(text, "replica 0\nlog 0\nhash 0\nreplica 1\nlog 1\nhash 1\n");
}

TEST(Chaos, Errors) {
  Session session;
  EXPECT_EQ(Ask(session, "chaos 1 1"), "err no-cluster");
  Ask(session, "new 1");
  EXPECT_EQ(Ask(session, "chaos 1 " + std::to_string(kChaosStepsMax + 1)), "err count");
}

}  // namespace
}  // namespace dkv20
