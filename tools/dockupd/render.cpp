#include "tools/dockupd/render.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "orchestration/plan/rescue.hpp"
#include "orchestration/project/pin.hpp"
#include "tools/dockupd/printable.hpp"
#include "tools/dockupd/redaction.hpp"

namespace dockupd {
namespace {

using orchestration::ending;
using orchestration::run_result;

std::string runs_now(const run_result& r) { return release_text(r.release_now, r.tag_now) + " runs, verified."; }

std::string without_dockupd(const run_result& r) {
  if (r.rescue_script.empty()) return {};
  return "  without dockupd:   sh " + orchestration::shell_word(r.rescue_script) + "\n";
}

/// What was written into the user's own files.
std::string kept_line(const orchestration::operation& o) {
  if (const auto* pin = std::get_if<orchestration::pin_tag>(&o.what))
    return "  kept:              " + to_text(*pin) + " in " + pin->file + "\n";
  if (const auto* pin = std::get_if<orchestration::pin_images>(&o.what))
    return "  kept:              " + to_text(*pin) + " in " + pin->file + "\n";
  return {};
}

std::string next_steps(const run_result& r, const std::string& project, std::string_view verb) {
  const std::string p = " -p " + project;
  std::string out;
  for (const std::string& file : r.evidence) out += "  last log lines:    " + file + "\n";
  switch (r.how) {
    case ending::done:
      for (const orchestration::operation& o : r.executed.operations)
        if (!r.with_warning.contains(o.number)) out += kept_line(o);
      if (verb == "update" && r.release_before > 0) out += "  to go back:        dockupd rollback" + p + "\n";
      break;
    case ending::rolled_back:
      for (const orchestration::operation& o : r.executed.operations)
        if (const auto* pull = std::get_if<orchestration::pull_image>(&o.what))
          out += "  when it is mended: a new tag, or dockupd unhold" + p + " " + pull->reference + "\n";
      break;
    case ending::rolled_back_unproven:
    case ending::needs_person:
      out += "  see what runs:     dockupd status" + p + "\n";
      if (r.release_before > 0)
        // Without a copy there is nothing to put back: either nothing new has written, or somebody removed the data.
        out += "  bring it back:     dockupd rollback" + p + " r" + std::to_string(r.release_before) +
               (r.snapshot_id.empty() ? " --no-data\n" : " --with-data\n");
      out += without_dockupd(r);
      break;
    case ending::left_open:
      out += "  when it is mended: dockupd recover" + p + "\n";
      out += without_dockupd(r);
      break;
    case ending::nothing_to_do:
    case ending::refused:
    case ending::pull_failed:
    case ending::snapshot_failed:
    case ending::abandoned:
    case ending::held:
      break;
  }
  return out;
}

std::string headline(const run_result& r, const std::string& project, std::string_view verb) {
  const std::string what = project + ": " + std::string(verb);
  switch (r.how) {
    case ending::nothing_to_do:
      return project + ": nothing to do.";
    case ending::done:
      return what + " done: " + release_text(r.release_before, r.tag_before) + " -> " +
             release_text(r.release_now, r.tag_now) + ".";
    case ending::rolled_back:
      return what + " failed and was rolled back.";
    case ending::rolled_back_unproven:
      return what + " failed; the old release was started but is NOT proven.";
    case ending::needs_person:
      return what + " could not be finished, and there is no proven way back: A PERSON IS NEEDED.";
    case ending::left_open:
      return what + " stands still: it cannot go on before something outside it is mended.";
    case ending::pull_failed:
      return what + " given up: an image could not be pulled. Nothing was changed.";
    case ending::snapshot_failed:
      return what + " given up: the snapshot failed. The old containers run.";
    case ending::refused:
    case ending::held:
    case ending::abandoned:
      break;
  }
  return what + " given up before anything new was started. The old containers run.";
}

}  // namespace

std::string release_text(int number, const std::string& tag) {
  if (number == 0) return "nothing";
  return "r" + std::to_string(number) + (tag.empty() ? "" : " (" + orchestration::short_tag(tag) + ")");
}

std::string text_of(const run_result& r, const std::string& project, std::string_view verb) {
  std::string out = headline(r, project, verb) + "\n";
  if (!r.reason.empty()) out += "  because:           " + one_line(r.reason) + "\n";
  const bool down =
      r.how == ending::needs_person || r.how == ending::rolled_back_unproven || r.how == ending::left_open;
  // Nothing was looked at for long enough to say that it is well.
  const bool proven = !down && r.how != ending::nothing_to_do;
  for (const std::string& note : r.executed.notes)
    if (r.how == ending::nothing_to_do || r.how == ending::done) out += "  note:              " + one_line(note) + "\n";
  if (r.release_now > 0 && proven) out += "  now:               " + runs_now(r) + "\n";
  for (const std::string& warning : r.warnings) out += "  warning:           " + one_line(warning) + "\n";
  if (!r.snapshot_id.empty()) out += "  data before:       snapshot " + r.snapshot_id + "\n";
  if (!r.safety_snapshot_id.empty()) out += "  what it wrote:     snapshot " + r.safety_snapshot_id + "\n";
  return printable(out + next_steps(r, project, verb));
}

std::string_view outcome_name(ending how) {
  switch (how) {
    case ending::nothing_to_do:
      return "nothing_to_do";
    case ending::done:
      return "done";
    case ending::refused:
      return "refused";
    case ending::pull_failed:
      return "pull_failed";
    case ending::snapshot_failed:
      return "snapshot_failed";
    case ending::abandoned:
      return "abandoned";
    case ending::rolled_back:
      return "rolled_back";
    case ending::rolled_back_unproven:
      return "rolled_back_unproven";
    case ending::needs_person:
      return "needs_person";
    case ending::left_open:
      return "left_open";
    case ending::held:
      return "held";
  }
  return "";
}

exit_code print_plan(const orchestration::plan& p, const command& asked, std::string_view verb,
                     const std::string& project) {
  const exit_code code = p.empty() ? exit_code::ok : exit_code::would_change;
  if (asked.json) {
    docker::json out = document(verb, project, p.empty() ? "nothing_to_do" : "would_change", code);
    out["plan"] = to_public_json(p);
    print(out);
  } else {
    const std::string services = services_text(p.services);
    const std::string operations = to_text(p);
    print((p.empty() ? project + ": nothing to do.\n" : "") + services +
          (services.empty() || operations.empty() ? "" : "\n") + operations);
  }
  return code;
}

docker::json document(std::string_view command, const std::string& project, std::string_view outcome, exit_code code) {
  return docker::json::object({{"format", 1},
                               {"command", command},
                               {"project", project},
                               {"outcome", outcome},
                               {"exit_code", static_cast<int>(code)}});
}

docker::json json_of(const run_result& r, const std::string& project, std::string_view verb) {
  docker::json out = document(verb, project, outcome_name(r.how), code_of(r.how));
  const auto release = [](int number, const std::string& tag) {
    if (number == 0) return docker::json();
    return docker::json::object({{"number", number}, {"tag", tag}});
  };
  out["release_before"] = release(r.release_before, r.tag_before);
  out["release_now"] = release(r.release_now, r.tag_now);
  if (!r.reason.empty()) out["reason"] = printable(r.reason);
  if (!r.attempt_id.empty()) out["attempt"] = r.attempt_id;
  if (!r.snapshot_id.empty()) out["snapshot"] = r.snapshot_id;
  if (!r.safety_snapshot_id.empty()) out["safety_snapshot"] = r.safety_snapshot_id;
  if (!r.executed.services.empty()) out["services"] = to_json(r.executed.services);
  if (!r.executed.notes.empty()) out["notes"] = docker::json::array_of(r.executed.notes);
  if (!r.warnings.empty()) out["warnings"] = docker::json::array_of(r.warnings);
  if (!r.rescue_script.empty()) out["rescue_script"] = r.rescue_script;
  if (!r.evidence.empty()) out["evidence"] = docker::json::array_of(r.evidence);
  return out;
}

std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (widths.size() <= i) widths.push_back(0);
      widths[i] = std::max(widths[i], one_line(row[i]).size());
    }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string cell = one_line(row[i]);
      line += cell;
      if (i + 1 < row.size()) line.append(widths[i] - cell.size() + 2, ' ');
    }
    out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return out;
}

void print(const std::string& text) { print_with_secrets(printable(text)); }

void print(const docker::json& document) {
  print_with_secrets(visible_json(without_secrets(document).to_text()) + "\n");
}

void print_with_secrets(const std::string& text) {
  std::string_view left = text;
  while (!left.empty()) {  // not by stdio, which gives up when a signal comes
    const ssize_t written = ::write(STDOUT_FILENO, left.data(), left.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    left.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace dockupd
