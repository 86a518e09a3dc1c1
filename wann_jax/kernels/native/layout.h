// How a network lays out its values: as in ../../networks/network.py.
#pragma once

#include <cstdint>

constexpr int kRowWidth = 4;        // entries of a row's list: network.ROW_WIDTH
constexpr int kFirstInputSlot = 2;  // slot 0 holds zero, slot 1 the bias
constexpr int kPartialSum = 0;      // activation id of rows that only add: activations.SUM
