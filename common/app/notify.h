/* notify: tells the service manager how we are (the sd_notify protocol: one datagram to $NOTIFY_SOCKET). */
#ifndef APP_NOTIFY_H
#define APP_NOTIFY_H

/* "READY=1", "STOPPING=1", .. Does nothing where there is no service manager. */
void notify_service(const char *state);

#endif
