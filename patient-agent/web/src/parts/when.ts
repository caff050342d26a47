export { formatDate as day, formatDateTime as moment, formatTime as clock } from '@medunion/ui'
