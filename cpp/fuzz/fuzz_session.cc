// A session on any bytes (definition, section 8): the answers do not depend on how the input is cut
// into reads, each command gets one, and each is `ok` or `err`.

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "dkv20/scenario.h"
#include "dkv20/serve.h"
#include "fuzz.h"
#include "protocol.h"

namespace {

using dkv20::CommandKind;

// The number of proposals and steps of chaos that one input may request. More only takes longer.
constexpr std::uint64_t kWorkMax = 500;
// About the work of a scenario in the same unit, which is too much.
constexpr std::uint64_t kScenarioWork = 10'000;

// Returns at most `step` bytes at a time.
class Source final : public dkv20::ByteSource {
 public:
  Source(std::string_view bytes, std::size_t step) : bytes_(bytes), step_(step) {}
  std::optional<std::size_t> Read(std::span<char> room) noexcept override {
    const std::size_t taken = std::min({room.size(), step_, bytes_.size()});
    std::copy_n(bytes_.begin(), taken, room.begin());
    bytes_.remove_prefix(taken);
    return taken;
  }

 private:
  std::string_view bytes_;
  std::size_t step_;
};

class Sink final : public dkv20::ByteSink {
 public:
  bool Write(std::string_view bytes) noexcept override {
    written += bytes;
    return true;
  }
  std::string written;
};

std::string Answers(std::string_view input, std::size_t step) {
  Source source(input, step);
  Sink sink;
  FUZZ_CHECK(dkv20::Serve(source, sink) == dkv20::ServeEnd::kDone);
  return std::move(sink.written);
}

// Returns the work that a command requests, limited to more than kWorkMax.
std::uint64_t Work(const dkv20::Command& command) {
  switch (command.kind) {
    case CommandKind::kWorkload:
      return std::min(command.numbers[2], kWorkMax + 1);
    case CommandKind::kChaos:
      return std::min(command.numbers[1], kWorkMax + 1);
    case CommandKind::kScenario:
      return dkv20::ScenarioScript(command.name).empty() ? 0 : kScenarioWork;
    default:
      return 0;
  }
}

// Takes the first line from the input.
std::string_view TakeLine(std::string_view& input) {
  const std::size_t end = std::min(input.find('\n'), input.size());
  const std::string_view line = input.substr(0, end);
  input.remove_prefix(std::min(end + 1, input.size()));
  return line;
}

struct Expected {
  std::uint64_t work = 0;
  std::size_t answers = 0;
};

// Returns the work and the number of answers that the input requests.
Expected Expect(std::string_view input) {
  Expected expected;
  while (!input.empty()) {
    const auto parsed = dkv20::Parse(TakeLine(input));
    if (parsed.ok() && parsed.value().kind == CommandKind::kNothing) continue;
    ++expected.answers;
    if (!parsed.ok()) continue;
    expected.work += Work(parsed.value());
    if (parsed.value().kind == CommandKind::kQuit) break;
  }
  return expected;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input(data, data + size);
  const Expected expected = Expect(input);
  if (expected.work > kWorkMax) return -1;
  const std::string answers = Answers(input, size + 1);
  FUZZ_CHECK(answers == Answers(input, 1));
  FUZZ_CHECK(answers.empty() || answers.back() == '\n');

  std::size_t count = 0;
  for (std::string_view rest = answers; !rest.empty(); ++count) {
    const std::string_view line = TakeLine(rest);
    FUZZ_CHECK(line == "ok" || line.starts_with("ok ") || line.starts_with("err "));
  }
  FUZZ_CHECK(count == expected.answers);
  return 0;
}
