// The project as `docker compose config` shows it.
#pragma once

#include <set>
#include <string>

#include "docker_client/json.hpp"
#include "orchestration/project/project.hpp"

namespace orchestration {

/// What compose 2.40.3 prints with `config --format json`, member for member: env files and label files are read in,
/// services that are off and what no service uses are not there. "$" is not doubled yet.
docker::json resolved_document(const project& p);

/// The JSON text of a document as Go indents it, and `$` doubled, so that it can be read as a compose file again.
std::string resolved_text(const docker::json& document);

/// The project with these services and what they depend on; the others are off. Empty: all. Each has to be in `p`.
project only(project p, const std::set<std::string>& services);

}  // namespace orchestration
