// The program as a process, with pipes, and a deadline on everything.

#ifndef DKV20_TESTS_PROCESS_H_
#define DKV20_TESTS_PROCESS_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dkv20::testing {

// What became of a process. `status` is its exit status, or -1 where a signal ended it or it had
// to be killed after the deadline.
struct Ended {
  int status = -1;
  long max_resident_bytes = 0;
};

// A running process. The destructor kills it where it still runs.
class Process {
 public:
  // Starts `arguments`, the first of which is the path of the program.
  explicit Process(const std::vector<std::string>& arguments);
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process();

  // Writes all of `bytes` and takes meanwhile what the process answers. False where it cannot be
  // written, or not before the deadline.
  bool Send(std::string_view bytes);
  // The next line of its standard output without its LF; nothing at its end or at the deadline.
  std::optional<std::string> ReadLine();
  void CloseInput();
  void CloseOutput();
  // The rest of its standard output, up to its end or the deadline.
  std::string ReadAll();
  // Waits for it to end. To be called once.
  Ended Wait();
  // Its standard error, after Wait.
  std::string ReadErrors();

 private:
  // Takes what there is to read, and writes what can be written, waiting for either. False at the
  // deadline.
  bool Pump(std::string_view* unsent);

  pid_t pid_ = -1;
  int input_ = -1;
  int output_ = -1;
  int errors_ = -1;
  bool at_end_ = false;
  std::string received_;
};

}  // namespace dkv20::testing

#endif  // DKV20_TESTS_PROCESS_H_
