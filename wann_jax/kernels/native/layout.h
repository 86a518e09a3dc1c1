// How a network lays out its values: as in ../../networks/network.py.
#pragma once

#include <cstdint>

// Macros WANN_MODULE_NAME are constants of Python's modules (../../native/__init__.py).
constexpr int kRowWidth = WANN_NETWORK_ROW_WIDTH;               // entries of a row's list
constexpr int kFirstInputSlot = WANN_NETWORK_FIRST_INPUT_SLOT;  // slot 0 holds zero, slot 1 the bias
constexpr int kPartialSum = WANN_ACTIVATION_IDS_SUM;            // id of rows that only add
