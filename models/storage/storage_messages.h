/*
 * storage_messages.h - kinds of messages of storage devices, beside those of
 * models/messages.h, which they continue.
 */
#ifndef HD_MODELS_STORAGE_STORAGE_MESSAGES_H
#define HD_MODELS_STORAGE_STORAGE_MESSAGES_H

#include "models/messages.h"

enum storage_msg_kind {
  /* A store's timer, to the device it is embedded in (store.h); the device
     hands it over to store_handle(). */
  MSG_STORAGE_STORE = 0x5000
};

#endif
