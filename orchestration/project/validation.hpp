// What is wrong with a project tree, each with its place, before anything is made of it.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "orchestration/project/project.hpp"
#include "orchestration/project/yaml.hpp"

namespace orchestration {

/// Unknown attributes, and values of a kind that the attribute cannot have. At most 50; empty: the shape is right.
std::vector<finding> check_shape(const yaml_node& root);

/// What contradicts itself in a project of long forms, among the services that are on: references to what is not
/// defined, attributes that exclude each other. Errors only.
std::vector<finding> check_consistency(const yaml_node& root, const std::set<std::string>& services);

/// What dockupd cannot do as written, among the services that are on: errors for what would go missing silently,
/// notes for what is left to others (images that are built).
std::vector<finding> check_support(const yaml_node& root, const std::set<std::string>& services);

/// The word that a person may have meant; empty when none is near.
std::string nearest_word(std::string_view written, const std::vector<std::string_view>& known);

}  // namespace orchestration
