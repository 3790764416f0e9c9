// Containers that live in the namespace of another one or take its volumes: they refer to it by an id, which is another
// one each time that is made anew.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "orchestration/plan/intention.hpp"
#include "orchestration/plan/observed_state.hpp"
#include "orchestration/release/release.hpp"

namespace orchestration {

/// What compose takes when another service joins `service`: the first by name of those that stay or are made. nullopt:
/// there is none.
std::optional<container_ref> stands_for(const std::string& service, const std::vector<intended_container>& intended);
/// The same of what is there now; null: there is none.
const observed_container* first_of(const std::string& service, const observed_state& observed);
std::map<std::string, std::string> ids_of_first(const observed_state& observed);  // by service

/// Whether `o` lives in a namespace of `other`, or takes its volumes as well.
enum class joined_by { namespaces, any };
bool joins(const observed_container& o, const observed_container& other, joined_by how);

/// A namespace ends with the container that it is of, also when that one is only stopped for a while: whoever joins one
/// that is stopped or started is stopped with it, and started after it.
void rest_with_joined(intention& out);

/// What refers to containers of the release by their ids of that time, by the names of their services instead.
docker::json body_by_names(const released_container& c, const release& of);
/// Services that a body names, in order.
std::vector<std::string> services_joined_by(const docker::json& body);

/// Whether `o` is the container that was recorded as `c`, or one that was made from the record since.
bool is_recorded(const observed_container& o, const released_container& c, const observed_state& observed);

}  // namespace orchestration
