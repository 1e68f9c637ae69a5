// The traces that all languages share, each file a test.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>
#include <vector>

#include "dkv20/trace.h"

namespace {

namespace fs = std::filesystem;

class TraceFile : public ::testing::Test {
 public:
  explicit TraceFile(fs::path path) : path_(std::move(path)) {}

  void TestBody() override {
    std::ifstream file(path_, std::ios::binary);
    ASSERT_TRUE(file) << path_ << " cannot be read";
    const std::string bytes((std::istreambuf_iterator<char>(file)), {});
    const auto steps = dkv20::ParseTrace(bytes);
    if (!steps.ok()) {
      FAIL() << path_.string() << ":" << steps.error().line << ":" << steps.error().column << ": "
             << steps.error().reason;
    }
    ASSERT_FALSE(steps.value().empty()) << path_ << " has no step";
    if (const auto mismatch = dkv20::CheckTrace(steps.value())) {
      FAIL() << path_.string() << ":" << mismatch->step.line
             << "\n  command:  " << mismatch->step.command
             << "\n  expected: " << mismatch->step.answer << "\n  actual:   " << mismatch->actual;
    }
  }

 private:
  fs::path path_;
};

class NoTraces : public ::testing::Test {
  void TestBody() override { FAIL() << "there are no .trace files in " << DKV20_TRACES_DIR; }
};

std::vector<fs::path> TraceFiles() {
  std::vector<fs::path> paths;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(DKV20_TRACES_DIR, error)) {
    if (entry.path().extension() == ".trace") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  const std::vector<fs::path> paths = TraceFiles();
  for (const fs::path& path : paths) {
    ::testing::RegisterTest("Traces", path.stem().string().c_str(), nullptr, nullptr, __FILE__,
                            __LINE__, [path]() -> ::testing::Test* { return new TraceFile(path); });
  }
  if (paths.empty()) {
    ::testing::RegisterTest("Traces", "AreThere", nullptr, nullptr, __FILE__, __LINE__,
                            []() -> ::testing::Test* { return new NoTraces; });
  }
  return RUN_ALL_TESTS();
}
