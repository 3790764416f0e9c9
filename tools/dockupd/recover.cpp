#include <algorithm>
#include <array>

#include "docker_client/error.hpp"
#include "orchestration/run/await_engine.hpp"
#include "orchestration/run/bring_up.hpp"
#include "orchestration/run/clock.hpp"
#include "orchestration/run/targets.hpp"
#include "tools/dockupd/failure.hpp"
#include "tools/dockupd/logging.hpp"
#include "tools/dockupd/printable.hpp"
#include "tools/dockupd/recovery.hpp"
#include "tools/dockupd/render.hpp"
#include "tools/dockupd/verbs.hpp"

namespace dockupd {
namespace {

namespace fs = std::filesystem;
using orchestration::bring_up_result;
using orchestration::ending;
using orchestration::run_result;
using std::chrono::milliseconds;

std::optional<run_result> recover(session& s, orchestration::workspace& w) {
  orchestration::updater updater(w);
  try {
    return s.run(updater.recover());
  } catch (const docker::error& error) {
    throw fatal(exit_code::interrupted_run_found,
                "an interrupted run of project " + s.project_name() + " could not be recovered now: " + error.what() +
                    ". When the engine answers: dockupd recover -p " + s.project_name());
  }
}

bool is_safe(ending how) {
  return how != ending::needs_person && how != ending::rolled_back_unproven && how != ending::left_open;
}

// --- what should run ---------------------------------------------------------------------------------------------

bring_up_result bring_up(session& s, orchestration::workspace& w) {
  orchestration::bring_up_options options;
  fill_waits(s.asked(), options.waits);
  try {
    return s.run(orchestration::bring_up(w, std::move(options)));
  } catch (const orchestration::operation_error& error) {  // it stopped answering, or was told to stop
    throw fatal(exit_code::interrupted_run_found, "project " + s.project_name() + " was not brought up whole: " +
                                                      error.what() + ". Again: dockupd recover -p " + s.project_name());
  }
}

std::string listed(const char* label, const std::vector<std::string>& items) {
  std::string out;
  for (const std::string& item : items) out += label + one_line(item) + "\n";
  return out;
}

std::string headline(const bring_up_result& r, const std::string& project, bool unsettled) {
  const std::string what = project + ": " + release_text(r.release, r.tag);
  if (unsettled) return project + ": the last attempt failed, and so did the way back: A PERSON IS NEEDED.";
  const std::string gone = project + ": what went down with the daemon ";
  if (r.how == ending::done && r.release == 0) return gone + "runs again, verified.";
  if (r.how == ending::needs_person && r.release == 0) return gone + "could not be brought up: A PERSON IS NEEDED.";
  if (r.how == ending::done) return what + " runs again, verified.";
  if (r.how == ending::needs_person) return what + " could not be brought up: A PERSON IS NEEDED.";
  return project + ": nothing to recover.";
}

std::string next_steps(const bring_up_result& r, const std::string& project, bool unsettled) {
  const std::string back = "dockupd rollback -p " + project + " r" + std::to_string(r.release);
  std::string out;
  if (r.how == ending::needs_person) out += "  see what runs:     dockupd status -p " + project + "\n";
  if (unsettled) return out + "  bring it back:     dockupd rollback -p " + project + " --with-data\n";
  if (r.release == 0) return out;
  if (r.how == ending::needs_person) return out + "  make it anew:      " + back + "\n";
  if (!r.replaced.empty()) out += "  to keep what runs: dockupd update\n  to go back:        " + back + "\n";
  return out;
}

std::string brought_up_text(const bring_up_result& r, const std::string& project, bool unsettled) {
  std::string out = headline(r, project, unsettled) + "\n";
  if (!r.reason.empty()) out += "  because:           " + one_line(r.reason) + "\n";
  out += listed("  started:           ", r.started) + listed("  restart policy of: ", r.rearmed);
  out += listed("  cannot be started: ", r.lost) + listed("  left alone:        ", r.replaced);
  return printable(out + next_steps(r, project, unsettled));
}

void add_to(docker::json& out, const bring_up_result& r) {
  if (r.release > 0) out["release"] = docker::json::object({{"number", r.release}, {"tag", r.tag}});
  out["started"] = docker::json::array_of(r.started);
  out["rearmed"] = docker::json::array_of(r.rearmed);
  out["lost"] = docker::json::array_of(r.lost);
  out["replaced"] = docker::json::array_of(r.replaced);
  if (!r.reason.empty()) out["reason"] = printable(r.reason);
}

// --- one project -------------------------------------------------------------------------------------------------

/// What became of one project, for people and for scripts.
struct recovered {
  exit_code code = exit_code::ok;
  std::string text;
  docker::json document;
};

recovered of_run(const run_result& r, const std::string& project) {
  recovered out;
  out.code = is_safe(r.how) ? exit_code::ok : code_of(r.how);
  out.text = text_of(r, project, "interrupted run");
  out.document = document("recover", project, outcome_name(r.how), out.code);
  out.document["run"] = json_of(r, project, "recover");
  return out;
}

void add(recovered& to, const bring_up_result& r, const std::string& project, bool unsettled) {
  const bool had_run = to.document.find("run") != nullptr;
  const bool says_more = r.how != ending::nothing_to_do || !r.replaced.empty();
  const exit_code code = code_of(r.how);
  if (!had_run || code != exit_code::ok) {
    docker::json run = had_run ? to.document.at("run") : docker::json();
    to.document = document("recover", project, outcome_name(r.how), code);
    if (had_run) to.document["run"] = std::move(run);
  }
  add_to(to.document, r);
  if (!had_run || says_more) to.text += brought_up_text(r, project, unsettled);
  to.code = code;
}

recovered recover_project(session& s, milliseconds engine_deadline) {
  if (!s.has_state())
    throw fatal(exit_code::usage, "dockupd has no record of project " + s.project_name() + " in " +
                                      s.state_directory().string() + ": there is nothing to recover. Is it the right " +
                                      "-p and --state-dir?");
  orchestration::workspace& w = s.open_for_change("recover");
  s.run(orchestration::await_engine(w.engine, engine_deadline, w.interrupted));
  const std::optional<run_result> run = recover(s, w);
  recovered out;
  if (run) out = of_run(*run, s.project_name());
  if (run && !is_safe(run->how)) return out;
  const bring_up_result up = bring_up(s, w);
  add(out, up, s.project_name(), needs_a_person(w.records));
  return out;
}

// --- every project -----------------------------------------------------------------------------------------------

std::vector<std::string> projects_in(const fs::path& root) {
  std::vector<std::string> out;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(root, error))
    if (orchestration::store::exists(entry.path()) || fs::exists(entry.path() / "attempts"))
      out.push_back(entry.path().filename().string());
  if (error && error != std::errc::no_such_file_or_directory)
    throw fatal(exit_code::refused, "cannot look into " + root.string() + ": " + error.message());
  std::sort(out.begin(), out.end());
  return out;
}

// Damage to one project is its own affair.
recovered recover_apart(const command& asked, const std::string& project, milliseconds engine_deadline) {
  command one = asked;
  one.all = false;
  one.project_name = project;
  try {
    session s(one);
    return recover_project(s, engine_deadline);
  } catch (const std::exception&) {
    const explanation e = explain(std::current_exception());
    recovered out;
    out.code = e.code;
    out.document = document("recover", project, "error", e.code);
    out.document["reason"] = printable(e.text);
    say_error(project + ": " + e.text);
    return out;
  }
}

/// From what can wait to what cannot.
int urgency(exit_code code) {
  constexpr std::array rising{exit_code::ok,
                              exit_code::locked_or_held,
                              exit_code::refused,
                              exit_code::usage,
                              exit_code::internal_error,
                              exit_code::interrupted_run_found,
                              exit_code::rolled_back_unproven,
                              exit_code::needs_person};
  return static_cast<int>(std::find(rising.begin(), rising.end(), code) - rising.begin());
}

exit_code recover_all(session& s, milliseconds engine_deadline) {
  exit_code worst = exit_code::ok;
  docker::json all = docker::json::make_array();
  const std::vector<std::string> projects = projects_in(s.state_root());
  for (const std::string& project : projects) {
    const recovered one = recover_apart(s.asked(), project, engine_deadline);
    if (urgency(one.code) > urgency(worst)) worst = one.code;
    all.push_back(one.document);
    if (!s.asked().json) print(one.text);
  }
  if (s.asked().json) {
    docker::json out = document("recover", "", worst == exit_code::ok ? "done" : "error", worst);
    out["projects"] = std::move(all);
    print(out);
  } else if (projects.empty()) {
    print("no project in " + s.state_root().string() + ": nothing to recover.\n");
  }
  return worst;
}

}  // namespace

bool recover_first(session& s, orchestration::workspace& w) {
  const std::optional<run_result> recovered = recover(s, w);
  if (!recovered) return false;
  const std::string text = text_of(*recovered, s.project_name(), "recovered run");
  if (!is_safe(recovered->how)) throw fatal(exit_code::interrupted_run_found, text);
  say_warning(text);
  return true;
}

run_result finish(session& s, orchestration::workspace& w, docker::task<run_result> run) {
  try {
    return s.run(std::move(run));
  } catch (const std::exception& error) {
    if (!w.records.open_attempt()) throw;
    throw fatal(exit_code::interrupted_run_found, std::string("stopped in the middle: ") + error.what() +
                                                      "\nWhen that is mended: dockupd recover -p " + s.project_name());
  }
}

exit_code run_recover(session& s) {
  const milliseconds engine_deadline = orchestration::boot_time() + s.asked().engine_wait;
  if (s.asked().all) return recover_all(s, engine_deadline);
  const recovered result = recover_project(s, engine_deadline);
  s.asked().json ? print(result.document) : print(result.text);
  return result.code;
}

}  // namespace dockupd
