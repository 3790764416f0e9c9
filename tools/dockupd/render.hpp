// Results as text for people and as JSON for scripts.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "docker_client/json.hpp"
#include "orchestration/run/updater.hpp"
#include "tools/dockupd/command_line.hpp"
#include "tools/dockupd/exit_code.hpp"

namespace dockupd {

/// At most a few lines: what happened, what runs now, what to type next.
std::string text_of(const orchestration::run_result& result, const std::string& project, std::string_view verb);
docker::json json_of(const orchestration::run_result& result, const std::string& project, std::string_view verb);

/// The document that every --json ends with: {"format": 1, "command", "project", "outcome", "exit_code", …}.
docker::json document(std::string_view command, const std::string& project, std::string_view outcome, exit_code code);

std::string_view outcome_name(orchestration::ending how);

/// What would be done, on stdout; would_change, or ok when that is nothing.
exit_code print_plan(const orchestration::plan& p, const command& asked, std::string_view verb,
                     const std::string& project);

/// "r2 (v2)"; "r2" without a tag; "nothing" for 0.
std::string release_text(int number, const std::string& tag);

/// Columns padded to the widest cell, two spaces between; the last one as it is. Cells are made printable.
std::string table(const std::vector<std::vector<std::string>>& rows);

/// To stdout, made printable. A closed or full stdout is no reason to fail afterwards.
void print(const std::string& text);
/// On a line, without secrets, and escaped where it would not be printable.
void print(const docker::json& document);
/// As it is, secrets too: for what was asked for by name, a project's own values. To be visible() or visible_json().
void print_with_secrets(const std::string& text);

}  // namespace dockupd
