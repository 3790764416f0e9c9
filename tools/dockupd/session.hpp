// What a verb works with: the project chosen, its state on disk, the engine, and one io_context to wait on.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

#include <exception>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>

#include "orchestration/files/project_lock.hpp"
#include "orchestration/plan/found_project.hpp"
#include "orchestration/project/load.hpp"
#include "orchestration/release/store.hpp"
#include "orchestration/run/engine.hpp"
#include "orchestration/run/executor.hpp"
#include "orchestration/snapshot/snapshot_store.hpp"
#include "tools/dockupd/command_line.hpp"
#include "tools/dockupd/exit_code.hpp"

namespace dockupd {

using environment_lookup = std::function<std::optional<std::string>(std::string_view)>;

/// Ends the program with this code; what() is for people, and says what to do.
class fatal : public std::runtime_error {
 public:
  fatal(exit_code code, const std::string& text) : std::runtime_error(text), code_(code) {}
  exit_code code() const { return code_; }

 private:
  exit_code code_;
};

class session {
 public:
  explicit session(const command& c);
  ~session();

  const command& asked() const { return command_; }

  /// Whether there are compose files to read: those given, those of the folder, or where the labels of the project's
  /// containers say that they are. If not, there are containers. orchestration::load_error, fatal(usage): neither.
  bool has_files();
  /// The compose files that has_files() found, else those that are given or in the folder, loaded once; asks no engine.
  /// Their notes and warnings go to stderr. load_error.
  const orchestration::project& project();
  /// project(), where the files that are found here are those of the project that is asked about; nullptr elsewhere,
  /// and where they cannot be loaded. `observed`: its containers, for the env files; nullptr: they are not known.
  const orchestration::project* project_here(const orchestration::observed_state* observed);
  /// The next project() reads the files again.
  void forget_files();
  /// What project() loads, with the tag put in place of the variable's value.
  orchestration::load_request load_request() const;

  /// Without --env-file: those that docker compose was last given for the project here, as its containers say. Asks
  /// the engine.
  void take_env_files_of_containers();

  /// The name, from -p, the compose files, or what dockupd knows: works without compose files too. fatal(usage).
  const std::string& project_name();
  /// Where every project's state is.
  std::filesystem::path state_root() const;
  /// <state root>/<project>.
  std::filesystem::path state_directory();
  /// Where rescue.sh is, in a directory for each attempt that did not end well.
  std::filesystem::path attempts_directory();
  bool has_state();

  orchestration::engine& engine();

  /// The lock of the project that has records here, where these tell which it is and nobody holds it: before the engine
  /// is asked, so that of many at once all but one are refused quickly. fatal(locked_or_held) when it is held and not
  /// to be waited for. Files that cannot be loaded are left to whoever needs them.
  void lock_at_once(const std::string& operation);
  /// Whether a lock is held, and is that of project_name().
  bool is_locked();
  /// One run at a time: the lock, the state opened for writing, and a workspace. fatal(locked_or_held) names who holds
  /// the lock. `operation` is what others see meanwhile.
  orchestration::workspace& open_for_change(const std::string& operation);
  /// For looking only: no lock, nothing written; without state yet, an empty one in memory.
  orchestration::workspace& open_for_reading();
  /// The state opened for reading. fatal when there is none.
  orchestration::store& records();
  orchestration::snapshot_store snapshots();
  /// Who is changing the project now; nullopt: nobody.
  std::optional<orchestration::lock_holder> running();
  fatal locked_by(const orchestration::lock_holder& holder);

  /// Runs the coroutine to its end on this thread; SIGINT and SIGTERM ask it to stop. What it throws is thrown here.
  template <class T>
  T run(docker::task<T> work) {
    std::optional<T> result;
    std::exception_ptr error;
    boost::asio::co_spawn(context_, std::move(work), [&](std::exception_ptr e, T value) {
      error = e;
      if (!e) result.emplace(std::move(value));
      finished();
    });
    run_context();
    if (error) std::rethrow_exception(error);
    return std::move(*result);
  }

  /// Remembers where the project's files are, so that later commands find it without them.
  void remember_project();

 private:
  struct signals;
  void run_context();
  void open_records(const orchestration::ballast& ballast);
  void rebuild_records();
  void refuse_in_the_middle();
  void finished();
  std::string find_name();
  std::string name_by_records() const;
  std::optional<orchestration::lock_holder> try_lock(const std::string& name, const std::string& operation);
  std::string name_by_folder(const std::string& folder);
  void look_at_containers();
  fatal no_project();
  void say_once(void (*how)(const std::string&), const std::string& text);
  /// What compose has written on a container about where it came from.
  struct deployed {
    std::string project;
    std::string directory;
    std::string env_files;  // as given by --env-file, with commas between; empty: none were
  };
  bool are_env_files_open() const;
  void take_env_files(const std::vector<deployed>& containers);
  bool makes_project(const std::string& name, const std::string& env_files) const;

  command command_;
  environment_lookup environment_;
  boost::asio::io_context context_{1};
  boost::asio::thread_pool pool_{1};
  std::stop_source stop_;
  std::unique_ptr<signals> signals_;
  std::optional<orchestration::loaded> loaded_;
  std::optional<orchestration::labelled_files> labelled_;  // no file is in the folder
  bool without_files_ = false;                             // and none where the labels say
  std::string working_dir_;                                // then: of which they speak
  std::set<std::string> said_;                             // of the files, which are read again
  std::string name_;
  std::unique_ptr<orchestration::engine> engine_;
  std::optional<orchestration::project_lock> lock_;
  std::string locked_;  // the project that it is of
  std::optional<orchestration::store> records_;
  std::optional<orchestration::snapshot_store> snapshots_;
  std::unique_ptr<orchestration::workspace> workspace_;
};

/// Every variable of this process.
std::map<std::string, std::string> whole_environment();

/// "who" of a release: SUDO_USER or the user's name, and the host.
std::string who_asks();

}  // namespace dockupd
